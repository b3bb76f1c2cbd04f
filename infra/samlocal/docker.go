package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// cleanTime bounds the removal of what was made.
const cleanTime = 30 * time.Second

// A docker is an engine to run functions in. In the machine's own one there is a
// network that is ours alone, by which the containers are found again; one that is
// started for this has no containers but ours.
type docker struct {
	host    string  // as DOCKER_HOST has it
	image   string  // to run functions in; empty for Amazon's, which SAM pulls
	network string  // of the machine's own engine; empty in ours
	gateway string  // the machine's address, as containers reach it
	daemon  *daemon // nil for the machine's own engine
}

// openDocker returns an engine, the machine's own or one that is started for this.
// The image is the machine's; in ours there is but one.
func openDocker(ctx context.Context, own bool, image string) (d *docker, err error) {
	d = &docker{image: image}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if _, err := exec.LookPath("docker"); err != nil {
		return d, errors.New("sam local needs Docker, and there is no docker command here: install it from https://docs.docker.com/get-docker/, " +
			"or serve the compiled functions without it by make run-functions")
	}
	if own {
		return d, d.startOwn(ctx)
	}
	if err := d.find(ctx); err != nil {
		return d, err
	}
	return d, d.makeNetwork(ctx)
}

// startOwn starts an engine, and makes an image in it.
func (d *docker) startOwn(ctx context.Context) error {
	busybox, err := findBusybox()
	if err != nil {
		return err
	}
	if d.daemon, err = startDaemon(ctx, busybox); err != nil {
		return err
	}
	d.host, d.image = d.daemon.host(), standIn
	if d.gateway, err = d.daemon.address(); err != nil {
		return err
	}
	root, err := rootFileSystem(busybox)
	if err != nil {
		return err
	}
	_, err = d.do(ctx, bytes.NewReader(root), "import", "-", d.image)
	return err
}

// find asks the docker command which engine it uses: SAM knows DOCKER_HOST, and
// nothing of contexts.
func (d *docker) find(ctx context.Context) error {
	if _, err := d.do(ctx, nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("sam local needs Docker, which does not answer; is it running, and may you use it? "+
			"make run-functions serves the compiled functions without it: %w", err)
	}
	if os.Getenv("DOCKER_HOST") != "" {
		return nil
	}
	host, err := d.do(ctx, nil, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	d.host = host
	return err
}

func (d *docker) makeNetwork(ctx context.Context) error {
	name := "portcullis-" + strings.ToLower(rand.Text()[:8])
	if _, err := d.do(ctx, nil, "network", "create", name); err != nil {
		return err
	}
	d.network = name
	gateway, err := d.do(ctx, nil, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", d.network)
	d.gateway, _, _ = strings.Cut(gateway, "/")
	return err
}

// do runs a docker command and returns what it says.
func (d *docker) do(ctx context.Context, in io.Reader, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", arguments...)
	cmd.Env = append(os.Environ(), d.environment()...)
	cmd.Stdin = in
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// environment leads a command to the engine.
func (d *docker) environment() []string {
	if d.host == "" {
		return nil
	}
	return []string{"DOCKER_HOST=" + d.host}
}

// removeContainers ends and removes what SAM has started. SAM would give each
// container some seconds, one after another.
func (d *docker) removeContainers() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanTime)
	defer cancel()
	list := []string{"ps", "--all", "--quiet"}
	if d.daemon == nil {
		list = append(list, "--filter", "network="+d.network)
	}
	found, err := d.do(ctx, nil, list...)
	if err != nil || found == "" {
		return err
	}
	_, err = d.do(ctx, nil, append([]string{"rm", "--force"}, strings.Fields(found)...)...)
	return err
}

// close removes the containers, the network and the engine, as far as there are
// any.
func (d *docker) close() error {
	if d.daemon != nil {
		return errors.Join(d.removeContainers(), d.daemon.stop())
	}
	if d.network == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanTime)
	defer cancel()
	err := d.removeContainers()
	_, gone := d.do(ctx, nil, "network", "rm", d.network)
	return errors.Join(err, gone)
}
