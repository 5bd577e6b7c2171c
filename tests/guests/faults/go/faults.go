// Package faults has code whose way out of a failure is wrong, each beside its mended twin. Every function does its work where
// nothing fails.
package faults

import (
	"errors"
	"io"
	"os"
)

// A file beside the one that is replaced.
func replaceWrong(bytes []byte) error {
	if err := os.WriteFile("/tmp/store.new", bytes, 0o600); err != nil {
		return err
	}
	return os.Rename("/tmp/store.new", "/tmp/store")
}

func replaceMended(bytes []byte) error {
	err := os.WriteFile("/tmp/store.new", bytes, 0o600)
	if err == nil {
		err = os.Rename("/tmp/store.new", "/tmp/store")
	}
	if err != nil {
		os.Remove("/tmp/store.new")
	}
	return err
}

// A file whose beginning is read.
func readWrong(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(file, make([]byte, 4)); err != nil {
		return err
	}
	return file.Close()
}

func readMended(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.ReadFull(file, make([]byte, 4))
	return err
}

// Of two files, the first stays open where the second cannot be opened.
func copyWrong(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(out.Close(), in.Close())
}

func copyMended(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return out.Close()
}

// A lock that is a file.
func lockWrong(path string) error {
	lock, err := os.OpenFile("/tmp/lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	lock.Close()
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return os.Remove("/tmp/lock")
}

func lockMended(path string) error {
	lock, err := os.OpenFile("/tmp/lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	lock.Close()
	defer os.Remove("/tmp/lock")
	_, err = os.Stat(path)
	return err
}

// A file that is written in parts.
func partsWrong(parts ...string) error {
	file, err := os.Create("/tmp/parts")
	if err != nil {
		return err
	}
	defer file.Close()
	for _, part := range parts {
		if _, err := file.WriteString(part); err != nil {
			return err
		}
	}
	return nil
}

func partsMended(parts ...string) (err error) {
	file, err := os.Create("/tmp/parts")
	if err != nil {
		return err
	}
	defer func() {
		file.Close()
		if err != nil {
			os.Remove("/tmp/parts")
		}
	}()
	for _, part := range parts {
		if _, err := file.WriteString(part); err != nil {
			return err
		}
	}
	return nil
}

// A directory with a file in it.
func directoryWrong() error {
	if err := os.Mkdir("/tmp/work", 0o700); err != nil {
		return err
	}
	if err := os.WriteFile("/tmp/work/part", []byte("part"), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Remove("/tmp/work/part"), os.Remove("/tmp/work"))
}

func directoryMended() error {
	if err := os.Mkdir("/tmp/work", 0o700); err != nil {
		return err
	}
	err := os.WriteFile("/tmp/work/part", []byte("part"), 0o600)
	os.Remove("/tmp/work/part")
	os.Remove("/tmp/work")
	return err
}
