/* One block that nothing reaches. */
#include <stdlib.h>

int main(void) {
    char *block = malloc(40); /* lost here */
    block[0] = 1;
    return block[0] - 1;
}
