/* A list that static data still reaches. */
#include <stdlib.h>

struct node {
    struct node *next;
    int number;
};

struct node *head;

int main(void) {
    for (int number = 0; number < 100; number++) {
        struct node *node = malloc(sizeof *node); /* retained here */
        node->next = head;
        node->number = number;
        head = node;
    }
    return 0;
}
