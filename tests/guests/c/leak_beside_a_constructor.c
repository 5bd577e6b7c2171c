/* What a constructor allocated is not the test's, kept or lost. */
#include <stdlib.h>

char *kept;
char *volatile used;

__attribute__((constructor)) static void early(void) {
    kept = malloc(24);
    used = malloc(1000);
    used = NULL;
}

int main(void) {
    used = malloc(44); /* lost here */
    used = NULL;
    return kept == NULL;
}
