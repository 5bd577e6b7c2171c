/* Another status than 0 is no normal finish. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    used = malloc(40);
    used = NULL;
    return 3;
}
