package app

import (
	"raksha.example/raksha/internal/api"
	"raksha.example/raksha/internal/vault"
)

// Rooms are the rooms of a running node, for whoever works in its process: tests.
type Rooms struct {
	api.Config // what its API works with
	Vault      *vault.Vault
}
