package api

import (
	"slices"
	"strings"
)

// siteMap lists the paths in the form of the field's service.
func siteMap(routes []string) []string {
	out := []string{"/", "/status", "/status/live"}
	for _, path := range routes {
		out = append(out, strings.NewReplacer("{name}", "<name>", "{id}", "<id>", "{api}", "<api>").Replace(path))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// matchDescription is a short OpenAPI description of the compatible paths; what each takes and gives is what the field's own says.
func matchDescription(routes []string) map[string]any {
	paths := map[string]any{}
	for _, path := range routes {
		paths[path] = map[string]any{"summary": "See the description of the field's match service"}
	}
	return map[string]any{"openapi": "3.1.0", "info": map[string]any{"title": "Open Media Match API", "version": "1.0.0"}, "paths": paths,
		"components": map[string]any{"securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer"}}}}
}
