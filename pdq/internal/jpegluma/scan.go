package jpegluma

// scan decodes one scan. Scans without luma are stepped over, and those of AC coefficients if only DC is needed.
func (d *decoder) scan(b []byte) bool {
	if d.components == nil || len(b) < 4 || len(b) != 4+2*int(b[0]) || b[0] == 0 {
		return false
	}
	var parts []*component
	for i := range int(b[0]) {
		id, tables := b[1+2*i], b[2+2*i]
		found := false
		for j := range d.components {
			if c := &d.components[j]; c.id == id {
				for _, p := range parts {
					if p == c {
						return false
					}
				}
				c.dc, c.ac = int(tables>>4), int(tables&15)
				if c.dc > 3 || c.ac > 3 {
					return false
				}
				parts, found = append(parts, c), true
			}
		}
		if !found {
			return false
		}
	}
	t := b[1+2*int(b[0]):]
	from, to, high, low := int(t[0]), int(t[1]), uint(t[2]>>4), uint(t[2]&15)
	luma := parts[0] == &d.components[0]
	if !d.progressive {
		// Only the usual order of one scan with all components.
		if from != 0 || to != 63 || high != 0 || low != 0 || len(parts) != len(d.components) || !luma || d.seen {
			return false
		}
		return d.baseline(parts)
	}
	if to > 63 || from > to || from == 0 && to != 0 || from > 0 && len(parts) > 1 || low > 13 || high != 0 && high != low+1 {
		return false
	}
	if len(parts) > 1 && (len(parts) != len(d.components) || !luma) {
		return false
	}
	if !luma || from > 0 && d.last == 0 { // later scans refine what all earlier ones left: nothing less can be skipped
		return d.stepOver()
	}
	return d.refine(parts, from, to, high, low)
}

// stepOver goes to the marker after the scan.
func (d *decoder) stepOver() bool {
	for {
		if !d.fill() {
			return false
		}
		if m := d.b[d.at+1]; m < 0xd0 || m > 0xd7 {
			return true
		}
		d.at += 2
	}
}

// intervals calls unit for each of n units of a scan, with a reader that starts anew at each restart marker.
func (d *decoder) intervals(n int, start func(), unit func(r *reader, i int) bool) bool {
	var r reader
	every := d.restart
	if every == 0 {
		every = n
	}
	for i, marker := 0, byte(0xd0); i < n; {
		if !d.fill() {
			return false
		}
		r.reset(d.segment)
		start()
		for range min(every, n-i) {
			if !unit(&r, i) || r.over() {
				return false
			}
			i++
		}
		if i < n {
			if d.b[d.at+1] != marker {
				return false
			}
			d.at += 2
			marker = 0xd0 | (marker+1)&7
		}
	}
	return true
}

// baseline decodes the one scan of a sequential file, and renders its blocks as they come.
func (d *decoder) baseline(parts []*component) bool {
	for _, c := range parts {
		if d.dcTables[c.dc] == nil || d.acTables[c.ac] == nil || !d.hasQuant[c.quant] {
			return false
		}
	}
	d.start()
	d.seen = true
	restart := func() {
		for _, c := range parts {
			c.pred = 0
		}
	}
	y := parts[0]
	var f [64]int32
	ux, uy := 0, 0 // the unit, in blocks
	return d.intervals(d.unitsX*d.unitsY, restart, func(r *reader, _ int) bool {
		for by := range y.v {
			for bx := range y.h {
				if !d.luma(r, y, ux+bx, uy+by, &f) {
					return false
				}
			}
		}
		for _, c := range parts[1:] {
			if _, ok := r.difference(d.dcTables[c.dc]); !ok || r.over() || !r.pass(d.acTables[c.ac], 1) || r.over() {
				return false
			}
		}
		if ux += y.h; ux == d.blocksX {
			ux, uy = 0, uy+y.v
		}
		return true
	})
}

// luma decodes and paints a block of a sequential file. Its coefficients pass through f.
func (d *decoder) luma(r *reader, y *component, bx, by int, f *[64]int32) bool {
	quant := &d.quants[y.quant]
	v, ok := r.difference(d.dcTables[y.dc])
	y.pred += v
	dc := y.pred * int(quant[0])
	if !ok || r.over() || dc < -maxCoefficient || dc > maxCoefficient {
		return false
	}
	if d.last == 0 {
		return r.pass(d.acTables[y.ac], 1) && d.flat(bx, by, dc)
	}
	if d.scale == 2 {
		f[1], f[8], f[9] = 0, 0, 0
	} else {
		clear(f[:8*d.scale])
	}
	f[0] = int32(dc)
	set, ok := r.block(d.acTables[y.ac], quant, d.last, f, 1)
	if ok {
		d.paint(bx, by, f, set)
	}
	return ok
}
