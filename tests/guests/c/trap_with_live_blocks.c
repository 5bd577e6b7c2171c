/* It ends in the middle. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = malloc(40);
    used = NULL;
    abort();
}
