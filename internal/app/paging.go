package app

import (
	"context"
	"time"

	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/triage"
)

const lookAtTips = time.Minute // between two looks whether an alert or a priority is due

// page says how the desk pages people: by the console, and by e-mail if the node has a mail server.
func page(desk *triage.Desk, queue *jobs.Queue, c Config, url func() string) error {
	p := triage.Paging{Jobs: queue, URL: url}
	for _, d := range c.Desks {
		p.Desks = append(p.Desks, string(d))
	}
	if c.Mail.Address != "" {
		if err := c.Mail.Check(); err != nil {
			return err
		}
		p.Mail = c.Mail
	}
	desk.UsePaging(p)
	return nil
}

// watchTips looks, by the node's clock, for tips that have waited long enough for another priority, and for alerts that nobody
// acknowledged: jobs run by the machine's clock, which may be another.
func (n *Node) watchTips(ctx context.Context, c Config, desk *triage.Desk) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	before := n.upkeep.stop
	n.upkeep.stop = func() {
		stop()
		if before != nil {
			before()
		}
	}
	n.upkeep.every(run, lookAtTips, c.Logger, "computing priorities", desk.RecomputeDue)
	n.upkeep.every(run, lookAtTips, c.Logger, "paging the next person", desk.Escalate)
}
