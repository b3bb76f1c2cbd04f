package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// django is the site of the folder django, guarded by django-axes and served by
// gunicorn.
type django struct {
	*server
	venv, site, folder string

	versions string
	secret   string // lets the driver, and nobody else, make users
}

// threads is how many requests each worker of gunicorn handles at once.
const threads = 4

// workers is what gunicorn's documentation advises.
func workers() int { return 2*runtime.NumCPU() + 1 }

func (d *django) name() string { return "django-axes" }

func (d *django) health() string { return "/health" }

func (d *django) about() string {
	return fmt.Sprintf("%s with %d workers of %d threads, on SQLite with a write-ahead log; PBKDF2-SHA256 as Django makes it by default", d.versions, workers(), threads)
}

// command runs a program of the virtual environment beside the site.
func (d *django) command(program string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.venv, "bin", program), arguments...)
	cmd.Env = append(os.Environ(),
		"PYTHONPATH="+d.site, "PYTHONDONTWRITEBYTECODE=1", "DJANGO_SETTINGS_MODULE=settings",
		"PEERS_FOLDER="+d.folder, "PEERS_SECRET="+d.secret)
	return cmd
}

// run runs a program of the virtual environment to its end.
func (d *django) run(program string, arguments ...string) ([]byte, error) {
	cmd := d.command(program, arguments...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	child.DieWithParent(cmd, syscall.SIGKILL)
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, arguments[0], err, complaint.Bytes())
	}
	return output, nil
}

func (d *django) start(ctx context.Context) (birth, error) {
	if d.secret == "" {
		if err := d.prepare(); err != nil {
			return birth{}, err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return birth{}, err
	}
	d.server, err = launch(d.folder, address, d.command("gunicorn", "--bind", address,
		"--worker-class", "gthread", "--workers", strconv.Itoa(workers()), "--threads", strconv.Itoa(threads),
		"--keep-alive", "75", "--no-control-socket", "wsgi:application"))
	if err != nil {
		return birth{}, err
	}
	took, err := d.wait(ctx, d.health(), isOK)
	return birth{answered: took, ready: took}, err
}

// whatRuns prints the versions of what runs.
const whatRuns = `
from importlib.metadata import version
from platform import python_version
packages = ", ".join(f"{name} {version(name)}" for name in ["django-axes", "Django", "gunicorn"])
print(f"{packages} on Python {python_version()}")
`

// prepare makes the tables of an empty folder.
func (d *django) prepare() error {
	d.secret = rand.Text()
	versions, err := d.run("python", "-c", whatRuns)
	if err != nil {
		return err
	}
	d.versions = string(bytes.TrimSpace(versions))
	_, err = d.run("python", "-m", "django", "migrate", "--verbosity", "0")
	return err
}

// call sends a form to a path of the driver's.
func (d *django) call(ctx context.Context, path string, form url.Values, into any) error {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Peers-Secret": {d.secret}}
	return call(ctx, "POST", d.url+"/driver/"+path, header, []byte(form.Encode()), into)
}

func (d *django) create(ctx context.Context, username, password string) error {
	return d.call(ctx, "create", url.Values{"username": {username}, "password": {password}}, nil)
}

func (d *django) unlock(ctx context.Context, username string) error {
	return d.call(ctx, "unlock", url.Values{"username": {username}}, nil)
}

func (d *django) guess(username, password string) load.Request {
	form := url.Values{"username": {username}, "password": {password}}
	return load.NewRequest(d.url, "POST", "/login", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (d *django) judge(a load.Answer) verdict {
	switch {
	case a.Status == http.StatusOK && bytes.Contains(a.Body, []byte(`"username"`)):
		return right
	case a.Status == http.StatusUnauthorized && bytes.Contains(a.Body, []byte("invalid credentials")):
		return wrong
	case a.Status == http.StatusTooManyRequests && bytes.Contains(a.Body, []byte("Account locked")):
		return locked
	}
	return other
}

// compared asks the site, which counts: a guess that was compared and found the
// limit reached by then is told that the account is locked.
func (d *django) compared(ctx context.Context, username string, _ tally) (int, error) {
	var counted struct{ Compared int }
	err := d.call(ctx, "compared", url.Values{"username": {username}}, &counted)
	return counted.Compared, err
}

// bare asks Django's own default hasher, in a process of its own.
func (d *django) bare(_ context.Context, duration time.Duration) (load.Sample, error) {
	began := time.Now()
	output, err := d.run("python", filepath.Join(d.site, "bare.py"), strconv.FormatFloat(duration.Seconds(), 'f', 3, 64))
	if err != nil {
		return load.Sample{}, err
	}
	var times []time.Duration
	for line := range bytes.Lines(output) {
		ns, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
		if err != nil {
			return load.Sample{}, fmt.Errorf("bare.py: %w", err)
		}
		times = append(times, time.Duration(ns))
	}
	return load.NewSample(times, time.Since(began), nil), nil
}
