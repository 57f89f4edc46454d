package record

// ActorOf gives who made an entry, from its public part: see WithActor.
func ActorOf(publicPart string) (string, error) {
	p, err := parsePublic(publicPart)
	return p.Actor, err
}
