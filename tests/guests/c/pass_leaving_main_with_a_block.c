/* It leaves through exit(0) from within main, which holds the block in a variable on its stack. */
#include <stdlib.h>

int main(void) {
    char *volatile held = malloc(40); /* retained here */
    held[0] = 1;
    exit(0);
}
