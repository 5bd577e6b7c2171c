/* It leaves through exit(0) while main still holds a block. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = malloc(40);
    used = NULL;
    exit(0);
}
