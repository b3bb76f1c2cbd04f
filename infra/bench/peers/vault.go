package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"portcullis/infra/bench/load"
)

// vault is HashiCorp Vault as a server of one node on its integrated store, not in
// its development mode, with the userpass method.
type vault struct {
	*server
	program, folder string

	version   string
	cluster   string // the address at which other nodes would find it
	key, root string // from its initialisation
	accessor  string // of the userpass method
}

func (v *vault) name() string { return "Vault" }

func (v *vault) health() string { return "/v1/sys/health" }

func (v *vault) about() string {
	return v.version + ", compiled here with -tags minimal; one node on the integrated store (Raft), no audit device, userpass with user_lockout: what a login stores is on the disk (fsync), counts are kept in memory; bcrypt, cost 10"
}

// vaultConfig is the server's configuration, with its address, that of its
// cluster and the folder of its store. What is not said keeps Vault's default, but
// for performance_multiplier, which is what its makers advise for production: it
// makes the lone node its own leader sooner.
const vaultConfig = `
ui            = false
disable_mlock = true
api_addr      = "http://%[1]s"
cluster_addr  = "https://%[2]s"
listener "tcp" {
  address         = %[1]q
  cluster_address = %[2]q
  tls_disable     = true
}
storage "raft" {
  path                   = %[3]q
  node_id                = "one"
  performance_multiplier = 1
}
user_lockout "userpass" {
  lockout_threshold     = "%[4]d"
  lockout_duration      = "8760h"
  lockout_counter_reset = "8760h"
}
`

func (v *vault) start(ctx context.Context) (birth, error) {
	address, err := freeAddress()
	if err != nil {
		return birth{}, err
	}
	config, err := v.configure(address)
	if err != nil {
		return birth{}, err
	}
	if v.server, err = launch(v.folder, address, exec.Command(v.program, "server", "-config", config)); err != nil {
		return birth{}, err
	}
	b := birth{}
	if b.answered, err = v.wait(ctx, v.health(), isAnswer); err != nil {
		return birth{}, err
	}
	if v.key == "" {
		if err := errors.Join(v.readVersion(), v.initialise(ctx)); err != nil {
			return birth{}, fmt.Errorf("initialising: %w", err)
		}
	}
	if err := v.call(ctx, "PUT", "/sys/unseal", map[string]string{"key": v.key}, nil); err != nil {
		return birth{}, err
	}
	if b.ready, err = v.wait(ctx, v.health(), isOK); err != nil {
		return birth{}, err
	}
	return b, v.open(ctx)
}

// configure writes the configuration of a server at the address.
func (v *vault) configure(address string) (file string, err error) {
	data := filepath.Join(v.folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	if v.cluster == "" { // the store keeps it
		if v.cluster, err = freeAddress(); err != nil {
			return "", err
		}
	}
	file = filepath.Join(v.folder, "vault.hcl")
	text := fmt.Sprintf(vaultConfig, address, v.cluster, data, maximum)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// readVersion asks the program: "Vault v1.2.3 (…), built …".
func (v *vault) readVersion() error {
	output, err := exec.Command(v.program, "version").Output()
	if err != nil {
		return fmt.Errorf("asking %s for its version: %w", v.program, err)
	}
	words := strings.Fields(string(output))
	if len(words) < 2 {
		return fmt.Errorf("%s says that its version is %q", v.program, output)
	}
	v.version = strings.TrimSuffix(strings.Join(words[:2], " "), ",")
	return nil
}

// initialise makes the keys of an empty store.
func (v *vault) initialise(ctx context.Context) error {
	var made struct {
		Keys []string `json:"keys_base64"`
		Root string   `json:"root_token"`
	}
	err := v.call(ctx, "PUT", "/sys/init", map[string]int{"secret_shares": 1, "secret_threshold": 1}, &made)
	if err == nil && len(made.Keys) != 1 {
		err = errors.New("it did not tell its key")
	}
	if err != nil {
		return err
	}
	v.key, v.root = made.Keys[0], made.Root
	return nil
}

// open mounts the userpass method in a new store.
func (v *vault) open(ctx context.Context) error {
	if v.accessor != "" {
		return nil
	}
	if err := v.call(ctx, "POST", "/sys/auth/userpass", map[string]string{"type": "userpass"}, nil); err != nil {
		return err
	}
	var mount struct{ Data struct{ Accessor string } }
	if err := v.call(ctx, "GET", "/sys/auth/userpass", nil, &mount); err != nil {
		return err
	}
	v.accessor = mount.Data.Accessor
	return nil
}

func (v *vault) call(ctx context.Context, method, path string, body, into any) error {
	return callJSON(ctx, method, v.url+"/v1"+path, http.Header{"X-Vault-Token": {v.root}}, body, into)
}

func (v *vault) create(ctx context.Context, username, password string) error {
	return v.call(ctx, "POST", "/auth/userpass/users/"+username, map[string]string{"password": password}, nil)
}

func (v *vault) unlock(ctx context.Context, username string) error {
	return v.call(ctx, "POST", "/sys/locked-users/"+v.accessor+"/unlock/"+username, nil, nil)
}

func (v *vault) guess(username, password string) load.Request {
	body, _ := json.Marshal(map[string]string{"password": password}) // a string always can be
	return load.NewRequest(v.url, "POST", "/v1/auth/userpass/login/"+username, string(body), "Content-Type", "application/json")
}

func (v *vault) judge(a load.Answer) verdict {
	switch {
	case a.Status == http.StatusOK && bytes.Contains(a.Body, []byte(`"client_token"`)):
		return right
	case a.Status == http.StatusBadRequest && bytes.Contains(a.Body, []byte("invalid username or password")):
		return wrong
	case a.Status == http.StatusForbidden && bytes.Contains(a.Body, []byte("permission denied")):
		return locked
	}
	return other
}

// compared counts the verdicts: Vault looks at the lock before it compares, and
// tells a guess that it compared what came of it.
func (v *vault) compared(_ context.Context, _ string, heard tally) (int, error) {
	return heard[right] + heard[wrong], nil
}

func (v *vault) bare(ctx context.Context, duration time.Duration) (load.Sample, error) {
	stored, err := bcrypt.GenerateFromPassword([]byte(rightPassword), bcrypt.DefaultCost)
	if err != nil {
		return load.Sample{}, err
	}
	return timed(ctx, duration, func() error { return bcrypt.CompareHashAndPassword(stored, []byte(rightPassword)) })
}
