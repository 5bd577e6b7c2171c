// Package parallel has parallel subtests whose parent closes early what they use.
package parallel

import (
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Error("the directory is gone")
	}
}

// A deferred call of the parent runs before its parallel subtests go on.
func TestDeferRunsTooEarly(t *testing.T) {
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	t.Run("child", func(t *testing.T) {
		t.Parallel()
		write(t, dir)
	})
}

// A clean-up of the parent runs after them.
func TestCleanupRunsInTime(t *testing.T) {
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Run("child", func(t *testing.T) {
		t.Parallel()
		write(t, dir)
	})
}
