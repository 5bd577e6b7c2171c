/* Freed after main has returned. */
#include <stdlib.h>

static char *late;

static void release(void) {
    free(late);
}

int main(void) {
    late = malloc(70);
    return late == NULL || atexit(release) != 0;
}
