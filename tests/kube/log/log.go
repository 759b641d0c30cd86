// Package log prints lines as k3s prints them, for those who read the journal.
package log

import (
	"fmt"
	"os"
	"time"
)

func line(level, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n",
		time.Now().UTC().Format(time.RFC3339), level, fmt.Sprintf(format, args...))
}

// Info tells what happens.
func Info(format string, args ...any) { line("info", format, args...) }

// Warn tells what is left out or tried again.
func Warn(format string, args ...any) { line("warning", format, args...) }

// Error tells what failed where the process goes on.
func Error(format string, args ...any) { line("error", format, args...) }

// Fatal tells why the process ends, and ends it with status 1.
func Fatal(err error) {
	line("fatal", "Error: %v", err)
	os.Exit(1)
}
