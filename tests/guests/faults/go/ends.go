package faults

import (
	"io"
	"log"
	"os"
)

// Waits for what nobody sends where a file cannot be read.
func readOrWait(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.ReadFull(file, make([]byte, 4)); err != nil {
		<-make(chan error)
	}
	return nil
}

// Panics where a file cannot be read.
func readOrPanic(path string) error {
	bytes, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	if len(bytes) == 0 {
		return io.EOF
	}
	return nil
}

// Ends the program where a file cannot be read, with that file open.
func readOrDie(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.ReadFull(file, make([]byte, 4)); err != nil {
		log.Fatal(err)
	}
	return nil
}
