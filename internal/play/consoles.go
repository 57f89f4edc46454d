package play

import (
	"encoding/json"
	"path/filepath"
)

// Console is where a person of a node signs in.
type Console struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// Consoles gives a sign-in for each node: of somebody who works there.
func (d *Demo) Consoles() (out []Console) {
	for _, p := range cast(d.kept.Story) {
		if p.console {
			out = append(out, Console{p.node, d.nodes[p.node].base, p.username, d.people[p.id()].password})
		}
	}
	return out
}

// KeepConsoles writes the sign-ins to consoles.json in the folder, for its owner only.
func (d *Demo) KeepConsoles() error {
	b, err := json.MarshalIndent(d.Consoles(), "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(d.cfg.Dir, "consoles.json"), b)
}
