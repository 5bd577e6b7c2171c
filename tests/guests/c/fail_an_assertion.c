/* What `assert` printed is why the test failed. */
#include <assert.h>
#include <stdio.h>

static int count(void) { return 3; }

int main(void) {
    fputs("on the way\n", stderr);
    assert(count() == 2);
    return 0;
}
