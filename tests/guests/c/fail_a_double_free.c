/* The second is seen where it is done. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = malloc(40);
    free(used);
    free(used); /* freed here */
    return 0;
}
