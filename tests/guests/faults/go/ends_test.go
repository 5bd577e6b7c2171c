package faults

import (
	"os"
	"testing"
)

func TestEndsWaiting(t *testing.T)  { ok(t, readOrWait(data(t))) }
func TestEndsPanicked(t *testing.T) { ok(t, readOrPanic(data(t))) }
func TestEndsDead(t *testing.T)     { ok(t, readOrDie(data(t))) }

// What a test does itself is its own affair, in a function within it, too.
func TestEndsItself(t *testing.T) {
	func() {
		if _, err := os.Stat("/tmp"); err != nil {
			panic(err)
		}
	}()
}
