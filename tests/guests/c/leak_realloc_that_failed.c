/* The usual mistake: the only pointer is overwritten with null, and the block is still there. */
#include <stdint.h>
#include <stdlib.h>

volatile size_t too_much = SIZE_MAX - 15;

int main(void) {
    char *buffer = malloc(60); /* lost here */
    buffer[0] = 1;
    buffer = realloc(buffer, too_much);
    return buffer != NULL;
}
