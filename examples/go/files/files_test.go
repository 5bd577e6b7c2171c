// Package files opens files and closes them late, or never.
package files

import (
	"os"
	"path/filepath"
	"testing"
)

// kept keeps files from being closed by the collector, as a struct that lives long does.
var kept []*os.File

func create(t *testing.T, dir string, count int) {
	t.Helper()
	for range count {
		file, err := os.CreateTemp(dir, "x")
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, file)
	}
}

func TestFiveAreNeverClosed(t *testing.T) {
	create(t, t.TempDir(), 5)
}

func TestAThousandAreNeverClosed(t *testing.T) {
	create(t, t.TempDir(), 1000)
}

// In a loop, a deferred close waits for the end of the test: all of the table's files are open at once.
func TestDeferInATable(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
	}
}

// In a function of its own, it does not.
func TestDeferInAClosure(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		func() {
			file, err := os.Create(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
		}()
	}
}

// Fatal ends the goroutine by runtime.Goexit, so that deferred calls do run: nothing is left.
func TestFatalRunsDeferredCalls(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer t.Log("the deferred close runs")
	defer file.Close()
	t.Fatal("fails")
}
