/* Memory that the allocator does not know. */
#include <stdlib.h>

char *volatile used;

int main(void) {
    char *page = (char *)(__builtin_wasm_memory_grow(0, 1) << 16);
    used = malloc(40);
    page[0] = 1;
    used = NULL;
    return 0;
}
