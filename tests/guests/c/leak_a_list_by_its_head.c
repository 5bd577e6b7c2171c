/* The head is the only way to the rest. */
#include <stdlib.h>

struct node {
    struct node *next;
    int number;
};

struct node *head;

int main(void) {
    for (int number = 0; number < 100; number++) {
        struct node *node = malloc(sizeof *node); /* lost here */
        node->next = head;
        node->number = number;
        head = node;
    }
    head = NULL;
    return 0;
}
