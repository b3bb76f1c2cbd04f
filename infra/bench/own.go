package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"syscall"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// bareCommand is the argument by which bench becomes a server that does nothing.
const bareCommand = "bare-http"

// serveBare serves until the context ends, after it has said where.
func serveBare(ctx context.Context, w io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(listener.Addr().String()); err != nil {
		return err
	}
	return load.Bare(ctx, listener)
}

// own measures what the generator costs: a server that does nothing cannot be
// asked more often, and what the generator spends on a request is missing to every
// server that it shares the machine with.
func (b *bench) own(ctx context.Context) error {
	cmd, err := itself(bareCommand)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	service, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	defer service.Stop(stopTime)
	var base string
	if err := json.NewDecoder(out).Decode(&base); err != nil {
		return fmt.Errorf("starting the bare server: %w", err)
	}
	table := load.Table{
		Title: "The generator against a bare net/http server, both on this machine",
		Head:  []string{"clients", "a second", "p50", "p99", "the generator's CPU time a request"}, Words: 1,
	}
	for _, clients := range b.crowds {
		if err := b.ownAt(ctx, base, clients, &table); err != nil {
			return err
		}
	}
	b.report.table(table)
	return nil
}

func (b *bench) ownAt(ctx context.Context, base string, clients int, table *load.Table) error {
	request := load.NewRequest(base, "POST", "/login", `{"client":"demo","username":"ana.silva","password":"wrong"}`, "Content-Type", "application/json")
	var spent []float64
	thing := load.Thing{Name: "bare", Run: func(ctx context.Context) (load.Sample, error) {
		before := load.Spent()
		s, err := load.Load{Base: base, Clients: clients, Duration: b.duration, Next: func(int, int) load.Request { return request }}.Run(ctx)
		spent = append(spent, float64(load.Spent()-before)/float64(max(1, len(s.Times))))
		return s, err
	}}
	title := fmt.Sprintf("Own/clients=%d", clients)
	samples, err := b.rounds(ctx, title, []load.Thing{thing})
	if err != nil {
		return err
	}
	s := samples[thing.Name]
	table.Add(fmt.Sprint(clients), load.Over(s, load.PerSecond).Text(load.Number), load.Over(s, load.P50).Text(load.Nanoseconds),
		load.Over(s, load.P99).Text(load.Nanoseconds), load.SpreadOf(spent).Text(load.Nanoseconds))
	return nil
}
