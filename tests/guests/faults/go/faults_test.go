package faults

import (
	"os"
	"testing"
)

// What a test needs, of which nothing is left when making it fails.
func data(t *testing.T) string {
	const path = "/tmp/data"
	t.Cleanup(func() { os.Remove(path) })
	ok(t, os.WriteFile(path, []byte("contents"), 0o600))
	return path
}

func ok(t *testing.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func TestWrongReplace(t *testing.T)   { ok(t, replaceWrong([]byte("contents"))) }
func TestWrongRead(t *testing.T)      { ok(t, readWrong(data(t))) }
func TestWrongCopy(t *testing.T)      { ok(t, copyWrong(data(t), "/tmp/copy")) }
func TestWrongLock(t *testing.T)      { ok(t, lockWrong(data(t))) }
func TestWrongParts(t *testing.T)     { ok(t, partsWrong("one", "two", "three")) }
func TestWrongDirectory(t *testing.T) { ok(t, directoryWrong()) }

func TestMendedReplace(t *testing.T)   { ok(t, replaceMended([]byte("contents"))) }
func TestMendedRead(t *testing.T)      { ok(t, readMended(data(t))) }
func TestMendedCopy(t *testing.T)      { ok(t, copyMended(data(t), "/tmp/copy")) }
func TestMendedLock(t *testing.T)      { ok(t, lockMended(data(t))) }
func TestMendedParts(t *testing.T)     { ok(t, partsMended("one", "two", "three")) }
func TestMendedDirectory(t *testing.T) { ok(t, directoryMended()) }
