package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync"

	"portcullis/internal/environ"
)

// logger returns the log, down to the level wanted.
func (s *settings) logger(w io.Writer) *slog.Logger {
	return slog.New(levelled{environ.Logger(w).Handler(), s.level})
}

// levelled is a handler with a level of its own.
type levelled struct {
	slog.Handler
	least slog.Level
}

func (h levelled) Enabled(_ context.Context, level slog.Level) bool { return level >= h.least }

func (h levelled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return levelled{h.Handler.WithAttrs(attrs), h.least}
}

func (h levelled) WithGroup(name string) slog.Handler {
	return levelled{h.Handler.WithGroup(name), h.least}
}

// held is a writer that the log and the functions' output share. It keeps what
// it is given until it is released, so that the greeting comes first.
type held struct {
	mu       sync.Mutex
	w        io.Writer
	waiting  bytes.Buffer
	released bool
}

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released {
		return h.waiting.Write(p)
	}
	return h.w.Write(p)
}

// release lets everything through. It may be called again.
func (h *held) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released = true
	_, _ = h.waiting.WriteTo(h.w)
}

// sieve passes on lines, but those that say a lower level than the least. The
// functions' metrics count as details: there is no CloudWatch here to read them.
type sieve struct {
	w     io.Writer
	least slog.Level
}

func (s sieve) Write(line []byte) (int, error) {
	var said struct {
		Level   *slog.Level
		Metrics json.RawMessage `json:"_aws"`
	}
	err := json.Unmarshal(line, &said)
	below := err == nil && said.Level != nil && *said.Level < s.least
	if details := err == nil && said.Metrics != nil && s.least > slog.LevelDebug; below || details {
		return len(line), nil
	}
	return s.w.Write(line)
}
