/* Each function that allocates. */
#include <stdlib.h>
#include <string.h>

void *volatile used;

int main(void) {
    used = malloc(10); /* lost here */
    used = calloc(4, 5); /* lost here */
    used = realloc(NULL, 30); /* lost here */
    used = aligned_alloc(64, 128); /* lost here */
    void *block = NULL;
    if (posix_memalign(&block, 256, 50) != 0) return 1; /* lost here */
    used = block;
    used = strdup("eleven char"); /* lost here */
    used = NULL;
    return 0;
}
