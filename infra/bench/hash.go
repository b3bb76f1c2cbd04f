package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
	"portcullis/internal/users"
)

// hashCommand is the argument by which bench becomes the bare hash.
const hashCommand = "bare-hash"

// A hashing is what the bare hash is told to do: n clients that hash as often as
// they can.
type hashing struct {
	Clients  int
	Bounded  bool // no more hashes at once than there are cores, as the server does
	Duration time.Duration
}

// hashed is what came of it.
type hashed struct {
	Times []time.Duration
	Took  time.Duration
}

// serveHashes does what each line of JSON says. It lives through all rounds: a
// new process would spend its first hashes on getting memory.
func serveHashes(in io.Reader, out io.Writer) error {
	lines, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var h hashing
		switch err := lines.Decode(&h); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := answers.Encode(h.run()); err != nil {
			return err
		}
	}
}

// run hashes. As in a load, what has begun in the time is counted with its time.
func (h hashing) run() hashed {
	slots := make(chan struct{}, h.Clients)
	if h.Bounded {
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
	}
	var mu sync.Mutex
	var all hashed
	var work sync.WaitGroup
	start := time.Now()
	ends := start.Add(h.Duration)
	for range h.Clients {
		work.Go(func() {
			for began := start; began.Before(ends); began = time.Now() {
				slots <- struct{}{}
				hashOnce()
				<-slots
				now := time.Now()
				mu.Lock()
				all.Times, all.Took = append(all.Times, now.Sub(began)), max(all.Took, now.Sub(start))
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return all
}

// hashOnce is what a login cannot do without.
func hashOnce() {
	p := users.DefaultParams()
	_ = argon2.IDKey([]byte(password), []byte("0123456789abcdef"), p.Time, p.Memory, p.Threads, 32)
}

// A hash is the bare hash in a process of its own.
type hash struct {
	pid     int
	in      io.WriteCloser
	answers *json.Decoder
	*child.Service
}

// startHash starts it.
func startHash() (*hash, error) {
	cmd, err := itself(hashCommand)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	service, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, fmt.Errorf("starting the bare hash: %w", err)
	}
	return &hash{pid: cmd.Process.Pid, in: in, answers: json.NewDecoder(bufio.NewReader(out)), Service: service}, nil
}

func itself(argument string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, argument)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

func (h *hash) stop() {
	_ = h.in.Close()
	h.Stop(stopTime)
}

// run hashes for a while and returns the sample.
func (h *hash) run(_ context.Context, what hashing) (load.Sample, error) {
	if err := json.NewEncoder(h.in).Encode(what); err != nil {
		return load.Sample{}, fmt.Errorf("asking the bare hash: %w", err)
	}
	var got hashed
	if err := h.answers.Decode(&got); err != nil {
		return load.Sample{}, fmt.Errorf("hearing the bare hash: %w", err)
	}
	if len(got.Times) == 0 {
		return load.Sample{}, fmt.Errorf("no hash ended within %v", what.Duration)
	}
	return load.NewSample(got.Times, got.Took, nil), nil
}

// perSecond is about how many hashes all cores do in a second.
func (h *hash) perSecond(ctx context.Context) (float64, error) {
	s, err := h.run(ctx, hashing{Clients: runtime.GOMAXPROCS(0), Duration: time.Second})
	return s.PerSecond(), err
}
