package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"portcullis/infra/bootstrap"
	"portcullis/internal/environ"
)

// empty is what the tables call the function that does nothing.
const empty = "empty"

// bus is the event bus that is made for publish-events.
const bus = "coldstart"

// longest bounds an event and a start: both tell a hang from a busy machine.
const longest = 30 * time.Second

// A bench has all that functions are started with.
type bench struct {
	settings
	unpacked    string // folder of the copies that are started
	environment []string
	samples     *samples
	progress    io.Writer
}

// newBench makes what the sample events are about: a demo client whose users can
// log in, a session, and an event bus. It starts copies of the functions, in a
// folder that is the caller's to remove.
func newBench(ctx context.Context, s settings, names []string, unpacked string, progress io.Writer) (*bench, error) {
	b := &bench{settings: s, unpacked: unpacked, progress: progress, environment: []string{"PORTCULLIS_EVENT_BUS=" + bus}}
	if !slices.Contains(names, "login") {
		names = append(slices.Clone(names), "login") // which opens the session
	}
	if err := b.unpack(names); err != nil {
		return nil, err
	}
	aws, err := environ.Parse[struct{ environ.AWS }](os.Environ())
	if err != nil {
		return nil, fmt.Errorf("this needs the functions' environment, which make bench-cold sets: %w", err)
	}
	name := bus
	client := eventbridge.NewFromConfig(aws.Config())
	if _, err := client.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &name}); err != nil {
		return nil, fmt.Errorf("making an event bus: %w", err)
	}
	people, err := demo(ctx, s)
	if err != nil {
		return nil, err
	}
	b.samples = &samples{folder: s.events, password: people["ana.silva"]}
	b.samples.session, err = b.login(ctx, people["root"])
	return b, err
}

// unpack copies the functions, each as NAME/bootstrap, as Lambda writes them out of
// an archive. How a file was written shows in how many pages of it the system maps
// at once: what the linker writes has a sixth more faults than its copy.
func (b *bench) unpack(names []string) error {
	for _, name := range append([]string{empty}, names...) {
		path := filepath.Join(b.functions, name, "bootstrap")
		if name == empty {
			path = b.empty
		}
		binary, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.Mkdir(filepath.Join(b.unpacked, name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.unpacked, name, "bootstrap"), binary, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// demo makes the demo client and returns its users' passwords.
func demo(ctx context.Context, s settings) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, s.local, "-functions", s.functions, "-seed", "-json", "-log", "off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("making the demo client: %w: %s", err, stderr.Bytes())
	}
	var told struct {
		Users []struct{ Username, Password string }
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return nil, fmt.Errorf("making the demo client: %w", err)
	}
	passwords := map[string]string{}
	for _, user := range told.Users {
		passwords[user.Username] = user.Password
	}
	return passwords, nil
}

// A session is what a login opens.
type session struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// login opens a session of the demo client's Sysadmin.
func (b *bench) login(ctx context.Context, password string) (opened session, err error) {
	event, err := b.samples.login("root", password)
	if err != nil {
		return session{}, err
	}
	p, err := b.start("login", io.Discard)
	if err != nil {
		return session{}, err
	}
	defer p.Stop()
	answer, err := p.Invoke(ctx, event, longest)
	if err != nil {
		return session{}, err
	}
	var got struct{ Body string }
	if err := json.Unmarshal(answer, &got); err != nil {
		return session{}, err
	}
	if err := json.Unmarshal([]byte(got.Body), &opened); err != nil || opened.Access == "" {
		return session{}, errors.Join(errors.New("the Sysadmin cannot log in"), err)
	}
	return opened, nil
}

// start starts a function, or the empty one.
func (b *bench) start(name string, output io.Writer, more ...string) (*bootstrap.Process, error) {
	path := filepath.Join(b.unpacked, name, "bootstrap")
	return bootstrap.Start(bootstrap.Program{
		Function: name, Path: path, Environment: append(more, b.environment...), Output: output,
	})
}

// ready starts a function and waits until it asks for work. The caller stops it.
func (b *bench) ready(ctx context.Context, name string, output io.Writer, more ...string) (*bootstrap.Process, time.Duration, error) {
	p, err := b.start(name, output, more...)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	took, err := p.Ready(ctx)
	if err != nil {
		p.Stop()
		return nil, 0, err
	}
	return p, took, nil
}

// invoke gives a function its next sample event, and returns how long the answer
// took. An answer that is not the one to expect is an error: nobody wants to know
// how fast a function fails.
func (b *bench) invoke(ctx context.Context, p *bootstrap.Process, name string, wrong bool) (time.Duration, error) {
	e, err := b.samples.next(name, wrong)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := p.Invoke(ctx, e.text, longest)
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if !bytes.Contains(answer, []byte(e.want)) {
		return 0, fmt.Errorf("%s answered %.300s, want it to hold %s", name, answer, e.want)
	}
	return took, nil
}
