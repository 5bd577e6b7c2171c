/* Every figure is exact. */
#include <stdlib.h>
#include <string.h>

void *volatile used;

int main(void) {
    char *first = used = malloc(100);
    char *second = used = calloc(5, 10);
    first = used = realloc(first, 200);
    free(second);
    char *copy = used = strdup("text");
    free(first);
    free(copy);
    free(NULL);
    return 0;
}
