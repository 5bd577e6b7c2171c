package store

import (
	"os"
	"testing"
)

func save(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/note"
	if err := os.WriteFile(path, []byte("a note"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSave(t *testing.T) { save(t) }

func TestLoad(t *testing.T) {
	if note, err := os.ReadFile(save(t)); err != nil || string(note) != "a note" {
		t.Fatal(note, err)
	}
}

func TestStore(t *testing.T) {
	t.Run("disk", func(t *testing.T) { save(t) })
}
