// Command raksha is the one binary of Raksha. See `raksha --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"raksha.example/raksha/internal/fault"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the tree of subcommands; each stands in a file of its own name.
type commands struct {
	Demo       demoCmd       `cmd:"" help:"Start six organisations on this machine, set up and connected."`
	Serve      serveCmd      `cmd:"" help:"Run a node."`
	Record     recordCmd     `cmd:"" help:"The record of a node."`
	Directory  directoryCmd  `cmd:"" help:"The agencies that a node knows: their keys, officers and what it takes from each."`
	Document   documentCmd   `cmd:"" help:"Documents between nodes."`
	Credential credentialCmd `cmd:"" help:"Credentials of programs that use a node."`
	Tip        tipCmd        `cmd:"" help:"The tips of a node that runs, and complaint files."`
	List       listCmd       `cmd:"" help:"The hash lists of a node that runs, and its exchanges."`
	Vault      vaultCmd      `cmd:"" help:"The sealed originals of a node: keys, state, holds and destruction."`
	Backup     backupCmd     `cmd:"" help:"Copy a node whole into one encrypted file, while it serves."`
	Restore    restoreCmd    `cmd:"" help:"Put a backup into place, once its record has proven itself."`
	Rules      rulesCmd      `cmd:"" help:"The dated rules of law that a node applies."`
	Statistics statisticsCmd `cmd:"" help:"Figures of a node as of a time, computed from its record."`
	Hash       hashCmd       `cmd:"" help:"Hash pictures and films."`
	Match      matchCmd      `cmd:"" help:"Look pictures and films up in a list of hashes."`
	Doctor     doctorCmd     `cmd:"" help:"Tell what this machine offers to a node, and what is missing."`
	Bench      benchCmd      `cmd:"" help:"Measure hashing and matching on this machine."`
	Version    versionCmd    `cmd:"" help:"Print the version."`

	MediaChild mediaChildCmd `cmd:"" hidden:"" help:"Decode media for a parent process."`
	Sandbox    sandboxCmd    `cmd:"" hidden:"" help:"Serve the synthetic social server of a story, for demonstrations and tests."`
}

// negative is returned by a command whose answer is no: exit status 1, and nothing more is printed.
var negative = errors.New("negative")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run parses and runs one command line and gives the exit status.
func run(ctx context.Context, args []string, s streams) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("raksha"),
		kong.Description("From a report of child sexual exploitation to blocked accounts, identified operators and a provable record."),
		kong.Writers(s.out, s.err), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s))
	if err != nil {
		fmt.Fprintln(s.err, "raksha:", err)
		return fault.ExitUsage
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(s.err, "raksha: %v\nRun raksha --help for the commands.\n", err)
		return fault.ExitUsage
	}
	switch err = k.Run(); {
	case err == nil:
		return fault.ExitDone
	case errors.Is(err, negative):
		return fault.ExitNegative
	case fault.Of(err) == fault.Internal:
		fmt.Fprintln(s.err, "raksha:", err) // at a terminal the cause helps; only HTTP hides it
	default:
		fmt.Fprintln(s.err, "raksha:", fault.Message(err))
	}
	return fault.ExitNegative
}
