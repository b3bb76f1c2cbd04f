package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"portcullis/infra/child"
)

// How long the engine may take to answer and to end. It takes a second for each.
const (
	daemonReady = 30 * time.Second
	daemonStop  = 20 * time.Second
	daemonLook  = 100 * time.Millisecond
)

// A daemon is a Docker engine that is started for this alone. Everything of it is
// in one folder, but for a bridge of its own name, so that it can run beside
// another. It changes neither the machine's firewall nor its forwarding.
type daemon struct {
	folder  string
	bridge  string // a network interface; empty until it is there
	busybox string
	process *child.Service
	output  bytes.Buffer // to be read when it has ended
}

// startDaemon starts an engine and returns when it answers.
func startDaemon(ctx context.Context, busybox string) (d *daemon, err error) {
	program, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, errors.New("dockerd is missing; on Debian: apt-get install docker.io busybox-static")
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("only root can start a Docker engine; make sam-local uses the one that is there")
	}
	d = &daemon{busybox: busybox}
	if d.folder, err = os.MkdirTemp("", "portcullis-docker-"); err != nil {
		return nil, err
	}
	if err := d.start(ctx, program); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

func (d *daemon) start(ctx context.Context, program string) error {
	name := "pc" + strings.ToLower(rand.Text()[:8])
	if err := d.link("add", "name", name, "type", "bridge"); err != nil {
		return err
	}
	d.bridge = name
	cmd := exec.Command(program, d.arguments()...)
	cmd.Stdout, cmd.Stderr = &d.output, &d.output
	process, err := child.Start(cmd, syscall.SIGTERM) // by which it ends its containers too
	if err != nil {
		return fmt.Errorf("starting an engine: %w", err)
	}
	d.process = process
	return d.waitReady(ctx)
}

// link makes or removes a network interface.
func (d *daemon) link(arguments ...string) error {
	said, err := exec.Command(d.busybox, append([]string{"ip", "link"}, arguments...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip link %s: %w: %s", strings.Join(arguments, " "), err, bytes.TrimSpace(said))
	}
	return nil
}

// address returns the machine's address on the bridge, which the engine has given
// it.
func (d *daemon) address() (string, error) {
	bridge, err := net.InterfaceByName(d.bridge)
	if err != nil {
		return "", err
	}
	addresses, err := bridge.Addrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if at, ok := a.(*net.IPNet); ok && at.IP.To4() != nil {
			return at.IP.String(), nil
		}
	}
	return "", fmt.Errorf("the engine gave %s no address", d.bridge)
}

func (d *daemon) arguments() []string {
	name := filepath.Base(d.folder)
	return []string{
		"--data-root", filepath.Join(d.folder, "data"), "--exec-root", filepath.Join(d.folder, "exec"),
		"--pidfile", filepath.Join(d.folder, "pid"), "--host", d.host(),
		"--containerd-namespace", name, "--containerd-plugins-namespace", name + "-plugins", // should the machine's own containerd serve it
		"--bridge", d.bridge, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
		"--log-level", "warn",
	}
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.folder, "docker.sock") }

func (d *daemon) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, daemonReady)
	defer cancel()
	look := time.NewTicker(daemonLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the engine does not answer: %w", context.Cause(ctx))
		case <-d.process.Ended():
			return fmt.Errorf("the engine ended at once:\n%s", d.output.Bytes())
		case <-look.C:
		}
		if _, err := (&docker{host: d.host()}).do(ctx, nil, "version"); err == nil {
			return nil
		}
	}
}

// stop ends the engine and removes all that is left of it.
func (d *daemon) stop() error {
	if d.process != nil {
		d.process.Stop(daemonStop)
	}
	err := os.RemoveAll(d.folder)
	if d.bridge != "" {
		err = errors.Join(err, d.link("delete", d.bridge))
	}
	return err
}
