// Package world has tests that use what `go test` gives them: their directory, temporary ones, Go's own, contexts, seeds, benchmarks' loops.
package world

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestItsDirectoryIsTheWorkingDirectory(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil || os.Getenv("PWD") != dir {
		t.Error(dir, os.Getenv("PWD"), err)
	}
	if got := read(t, "testdata/golden.txt"); got != "golden\n" {
		t.Error(got)
	}
	if err := os.WriteFile("written.txt", []byte("not on the host"), 0o600); err != nil {
		t.Error(err)
	}
}

func TestTemporaryDirectoriesAreEmpty(t *testing.T) {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
	if dir := t.TempDir(); !strings.HasPrefix(dir, os.TempDir()) {
		t.Error(dir)
	}
}

func TestNullDeviceIsThere(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := null.WriteString("gone"); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(null); len(text) != 0 || err != nil {
		t.Error(text, err)
	}
}

func TestGoIsThereToBeRead(t *testing.T) {
	version := filepath.Join(runtime.GOROOT(), "VERSION")
	if !strings.HasPrefix(read(t, version), "go1.") {
		t.Error("no version")
	}
	if err := os.WriteFile(version, nil, 0o600); err == nil {
		t.Error("it was written")
	}
}

func TestChdir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here"), []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if got := read(t, "here"); got != "here" || os.Getenv("PWD") != dir {
		t.Error(got, os.Getenv("PWD"))
	}
}

func TestContextEndsBeforeCleanups(t *testing.T) {
	context, ended := t.Context(), make(chan bool)
	go func() {
		<-context.Done()
		close(ended)
	}()
	t.Cleanup(func() { <-ended })
}

func TestDeep(t *testing.T) {
	for _, name := range []string{"a", "b c", "d/e"} {
		t.Run(name, func(t *testing.T) {
			t.Run("deep", func(*testing.T) {})
		})
	}
}

func BenchmarkLoop(b *testing.B) {
	rounds := 0
	for b.Loop() {
		rounds++
	}
	b.ReportMetric(float64(rounds), "rounds")
}

func FuzzSeeds(f *testing.F) {
	f.Add("added")
	f.Fuzz(func(t *testing.T, seed string) {
		if seed != "added" && seed != "found" {
			t.Error(seed)
		}
	})
}
