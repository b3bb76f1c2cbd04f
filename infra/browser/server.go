package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// How long the server may take to start and to stop.
const (
	startTime = 60 * time.Second
	stopTime  = 30 * time.Second
)

// A Person is somebody who may log in.
type Person struct {
	Client   string `json:"client"`
	Username string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"`
}

// A Server is infra/local as a process of its own.
type Server struct {
	URL    string // without a slash at its end
	People []Person

	process *exec.Cmd
	killed  bool
	log     bytes.Buffer // complete once it has ended
}

// build compiles infra/local, once in a test binary.
var build = sync.OnceValues(func() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(root, ".build", "bin", "local-for-browser")
	if said, err := exec.Command("go", "build", "-o", binary, "portcullis/infra/local").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building infra/local: %w\n%s", err, said)
	}
	return binary, nil
})

// Serve starts a server with flags of its own, and ends it with the test. Its
// data folder is empty, unless -data names one.
func Serve(t testing.TB, flags ...string) *Server {
	t.Helper()
	need(t) // before the work
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(flags, "-data") {
		flags = append([]string{"-ephemeral"}, flags...)
	}
	s := &Server{process: exec.Command(binary, append([]string{"-addr", "127.0.0.1:0", "-json"}, flags...)...)}
	s.process.Stderr = &s.log
	endWithParent(s.process)
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	s.greeting(t, out)
	return s
}

// greeting reads the line with which the server says where it is.
func (s *Server) greeting(t testing.TB, out io.Reader) {
	t.Helper()
	line := make(chan []byte, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadBytes('\n')
		line <- text
	}()
	var said struct {
		Addr  string   `json:"addr"`
		Users []Person `json:"users"`
	}
	select {
	case text := <-line:
		if err := json.Unmarshal(text, &said); err != nil {
			t.Fatalf("the server says %q: %v", text, err)
		}
	case <-time.After(startTime):
		t.Fatal("the server says nothing")
	}
	s.URL, s.People = "http://"+said.Addr, said.Users
}

// With returns the first person with a role.
func (s *Server) With(t testing.TB, role string) Person {
	t.Helper()
	for _, p := range s.People {
		if p.Role == role {
			return p
		}
	}
	t.Fatalf("nobody is a %s: %v", role, s.People)
	return Person{}
}

// Kill ends the server before the test does, at once and as a crash does. Use it
// with a data folder of the test's own, which another server may then open.
func (s *Server) Kill() {
	s.killed = true
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// stop ends the server as Ctrl-C does.
func (s *Server) stop(t testing.TB) {
	if s.killed {
		return
	}
	_ = s.process.Process.Signal(os.Interrupt)
	late := time.AfterFunc(stopTime, func() { _ = s.process.Process.Kill() })
	defer late.Stop()
	if err := s.process.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", s.log.String())
	}
}
