// Package exits leaves tests by panics and exits, with deferred calls that run, and that do not.
package exits

import (
	"fmt"
	"os"
	"testing"
)

func TestPanicRunsDeferredCalls(*testing.T) {
	defer fmt.Println("deferred")
	panic("boom")
}

func TestPanicOfAChild(t *testing.T) {
	t.Cleanup(func() { fmt.Println("the parent's clean-up") })
	t.Run("child", func(t *testing.T) {
		t.Cleanup(func() { fmt.Println("the child's clean-up") })
		panic("boom")
	})
}

func TestExitOneRunsNone(*testing.T) {
	defer fmt.Println("deferred")
	os.Exit(1)
}

func TestExitZeroIsNoPass(*testing.T) {
	defer fmt.Println("deferred")
	os.Exit(0)
}
