package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/sandbox"
	"raksha.example/raksha/internal/story"
)

// minToken is the least length of the administrator's token.
const minToken = 16

type sandboxCmd struct {
	Story          string `placeholder:"FILE" help:"Story whose world is served. Default: the built-in one."`
	Pictures       string `placeholder:"DIR" help:"Folder of JPEG pictures that are posted beside the story's own."`
	Dir            string `required:"" placeholder:"DIR" help:"Folder for what is done on the server."`
	Listen         string `default:"127.0.0.1:0" placeholder:"ADDR" help:"Loopback address and port; port 0 takes a free one."`
	Clock          string `placeholder:"FILE" help:"File that holds the story's time. Default: the machine's clock."`
	AdminTokenFile string `required:"" placeholder:"FILE" help:"File that holds the administrator's token."`
}

// Run serves until it is told to stop. Its first line of output says where.
func (c sandboxCmd) Run(ctx context.Context, s streams) error {
	if err := loopbackOnly(c.Listen); err != nil {
		return err
	}
	token, err := os.ReadFile(c.AdminTokenFile)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "the administrator's token cannot be read: %v", err)
	}
	secret := strings.TrimSpace(string(token))
	if len(secret) < minToken {
		return fault.New(fault.Invalid, "the administrator's token in %s is shorter than %d characters", c.AdminTokenFile, minToken)
	}
	file := story.Default()
	if c.Story != "" {
		if file, err = story.Load(c.Story); err != nil {
			return err
		}
	}
	now := clock.Clock(clock.System{})
	if c.Clock != "" {
		if now, err = clock.OpenFile(c.Clock); err != nil {
			return fault.Wrap(err, fault.Invalid, "the clock cannot be read: %v", err)
		}
	}
	world, err := story.Generate(file, story.Options{PicturesDir: c.Pictures})
	if err != nil {
		return err
	}
	server, err := sandbox.New(sandbox.Config{World: world, Clock: now, Dir: c.Dir, AdminToken: secret})
	if err != nil {
		return err
	}
	defer server.Close()
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "cannot listen on %s: %v", c.Listen, err)
	}
	h := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() {
		server.Close() // ends the streams, which Shutdown would wait for
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		h.Shutdown(end)
	})
	defer stop()
	fmt.Fprintf(s.out, "listening on http://%s\n", l.Addr())
	if err := h.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// loopbackOnly refuses an address that others could reach: the sandbox has no protection but its token.
func loopbackOnly(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fault.New(fault.Invalid, "%q is no address to listen on; write it as 127.0.0.1:8080", listen)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fault.New(fault.Refused, "the sandbox listens on a loopback address only, such as 127.0.0.1; %q is none", host)
	}
	return nil
}
