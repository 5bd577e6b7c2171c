/* A block that is in use holds, where its owner never wrote, what was there before: pointers to a ring that is lost. */
#include <stdlib.h>

struct node { struct node *next; int number; };

char *kept;

__attribute__((noinline)) static void lose(void) {
    struct node **index = malloc(64 * sizeof *index);
    struct node *first = NULL, *last = NULL;
    for (int i = 0; i < 64; i++) {
        struct node *node = malloc(sizeof *node); /* lost here */
        node->next = first; node->number = i;
        first = node;
        if (!last) last = node;
        index[i] = node;
    }
    last->next = first;
    free(index);
}

int main(void) {
    lose();
    kept = malloc(64 * sizeof(void *)); /* retained here */
    kept[0] = 1;
    return 0;
}
