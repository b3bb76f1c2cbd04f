package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asCommand makes the test binary the command that runs beside the services. It
// writes a report to the file that this names.
const asCommand = "PORTCULLIS_TEST_COMMAND"

// commandCode is what that command ends with.
const commandCode = 7

// A report is what the command saw.
type report struct {
	Variables map[string]bool // whether each is set
	Server    int             // the process of the services
	Listens   []string        // the addresses that it listens on
	Elsewhere bool            // whether one of them is not of this machine alone
}

// asSignalled makes the test binary a command that ends well when it is told to,
// once it has said that it is ready.
const asSignalled = "PORTCULLIS_TEST_SIGNALLED"

func TestMain(m *testing.M) {
	if os.Getenv(asSignalled) != "" {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
		fmt.Println("ready")
		<-told
		os.Exit(0)
	}
	if file := os.Getenv(asCommand); file != "" {
		if err := writeReport(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(commandCode)
	}
	os.Exit(m.Run())
}

// wanted are the variables that every function needs.
func wanted() []string {
	return []string{
		"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
		"PORTCULLIS_APP_CLIENT_ID", "PORTCULLIS_ATTEMPTS_TABLE", "PORTCULLIS_ATTEMPT_LIFETIME", "PORTCULLIS_AUDIT_TABLE",
		"PORTCULLIS_CURSOR_SECRET_PARAMETER", "PORTCULLIS_STAGE", "PORTCULLIS_TOKEN_SECRET_PARAMETER", "PORTCULLIS_USERS_TABLE", "PORTCULLIS_USER_POOL_ID",
	}
}

func TestACommandRunsBesideServicesOfThisMachineAlone(t *testing.T) {
	program := build(t)
	file := filepath.Join(t.TempDir(), "report.json")
	t.Setenv(asCommand, file)
	for _, name := range wanted() {
		t.Setenv(name, "")
	}
	code, output := run(t, program, "-venv", ".build/ministack", "--", os.Args[0])
	if code != commandCode {
		t.Fatalf("got exit code %d, want the command's, %d; it said: %s", code, commandCode, output)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range wanted() {
		if !got.Variables[name] {
			t.Errorf("%s was not set", name)
		}
	}
	if len(got.Listens) != 1 || got.Elsewhere {
		t.Errorf("the services listen on %v, want one loopback address", got.Listens)
	}
	if err := syscall.Kill(got.Server, 0); err != syscall.ESRCH {
		t.Errorf("process %d of the services: got %v, want it gone", got.Server, err)
	}
}

func TestACommandThatStopsWhenToldIsNoFailure(t *testing.T) {
	program := build(t)
	t.Setenv(asSignalled, "yes")
	for _, told := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.Command(program, "-venv", ".build/ministack", "--", os.Args[0])
		cmd.Dir = filepath.Join("..", "..")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Errorf("the command was not ready: %v", err)
		}
		_ = cmd.Process.Signal(told) // if it is gone, Wait says how it ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: got %v, want exit code 0", told, err)
		}
	}
}

// writeReport looks around from inside the command.
func writeReport(file string) error {
	server, err := siblingOf(os.Getppid())
	if err != nil {
		return err
	}
	r := report{Variables: make(map[string]bool), Server: server}
	for _, name := range wanted() {
		r.Variables[name] = os.Getenv(name) != ""
	}
	all, err := listens(server)
	if err != nil {
		return err
	}
	for _, at := range all {
		r.Listens = append(r.Listens, at.String())
		r.Elsewhere = r.Elsewhere || !at.Addr().IsLoopback()
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// siblingOf returns the one other process that this one's parent started.
func siblingOf(parent int) (int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, rest, _ := strings.Cut(string(text), ") ") // state, parent, ...
		fields := strings.Fields(rest)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) && pid != os.Getpid() {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("process %d started no services", parent)
}

// listens returns the TCP addresses that a process listens on.
func listens(pid int) ([]netip.AddrPort, error) {
	sockets, err := socketsOf(pid)
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			// The columns: number, local, remote, state, …, and the inode tenth.
			fields := strings.Fields(line)
			const listening = "0A"
			if len(fields) < 10 || fields[3] != listening || !slices.Contains(sockets, fields[9]) {
				continue
			}
			at, err := parseAddress(fields[1])
			if err != nil {
				return nil, err
			}
			all = append(all, at)
		}
	}
	return all, nil
}

// socketsOf returns the inodes of a process's sockets.
func socketsOf(pid int) ([]string, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, err
	}
	var inodes []string
	for _, file := range files {
		target, _ := os.Readlink(file) // of a file that is closed meanwhile: ""
		if inode, found := strings.CutPrefix(target, "socket:["); found {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes, nil
}

// parseAddress reads an address as the kernel prints it: 32-bit words in
// hexadecimal, each with its last byte first, and the port.
func parseAddress(s string) (netip.AddrPort, error) {
	words, port, _ := strings.Cut(s, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var bytes []byte
	for word := range slices.Chunk([]byte(words), 8) {
		value, err := strconv.ParseUint(string(word), 16, 32)
		if err != nil {
			return netip.AddrPort{}, err
		}
		bytes = append(bytes, byte(value), byte(value>>8), byte(value>>16), byte(value>>24))
	}
	addr, ok := netip.AddrFromSlice(bytes)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", s)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}

func TestAddressesOfTheKernel(t *testing.T) {
	var got []string
	for _, s := range []string{"0100007F:1F90", "00000000:22B3", "00000000000000000000000001000000:0050"} {
		at, err := parseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, at.String())
	}
	if diff := cmp.Diff(got, []string{"127.0.0.1:8080", "0.0.0.0:8883", "[::1]:80"}); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}
