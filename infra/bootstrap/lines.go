package bootstrap

import (
	"bytes"
	"io"
)

// MaxLine is where a line of a function's output is cut, in bytes.
const MaxLine = 64 << 10

// Lines passes on one line at a time. Only one goroutine may write to it.
type Lines struct {
	w    io.Writer
	rest []byte
}

// NewLines returns what passes lines on to a writer.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Write passes on the lines that are whole. It keeps the rest.
func (l *Lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n') + 1
		if end == 0 && len(l.rest) < MaxLine {
			return len(p), nil
		}
		if end == 0 {
			end = MaxLine
		}
		if _, err := l.w.Write(l.rest[:end]); err != nil {
			return 0, err
		}
		l.rest = l.rest[end:]
	}
}

// Flush passes on what no newline came after.
func (l *Lines) Flush() {
	if len(l.rest) > 0 {
		_, _ = l.w.Write(append(l.rest, '\n'))
		l.rest = nil
	}
}
