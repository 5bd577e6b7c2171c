/* The end of a block is all that is kept. */
#include <stdlib.h>

char *end;

int main(void) {
    end = (char *)malloc(36) + 36; /* retained here */
    return 0;
}
