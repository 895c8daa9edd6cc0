package process

import (
	"os"
	"strconv"
	"strings"
)

// WritePID writes the number of this process to a file that others may read.
func WritePID(name string) error {
	if err := WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return err
	}
	return os.Chmod(name, 0o644)
}

// RemovePID removes the file unless it tells of another process by now, which took over.
func RemovePID(name string) {
	b, err := os.ReadFile(name)
	if err == nil && strings.TrimSpace(string(b)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(name)
	}
}
