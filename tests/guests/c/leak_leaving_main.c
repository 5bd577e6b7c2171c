/* It leaves through exit(0) from within main, where nothing holds the block any more. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = malloc(40); /* lost here */
    used = NULL;
    exit(0);
}
