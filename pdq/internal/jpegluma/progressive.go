package jpegluma

// refine decodes a scan of a progressive file with luma in it: coefficients from to to, to the precision of bit low. T.81 annex G.
func (d *decoder) refine(parts []*component, from, to int, high, low uint) bool {
	if d.coefficients == nil {
		d.coefficients = make([]int16, 64*d.blocksX*d.blocksY)
	}
	y := parts[0]
	for _, c := range parts {
		if from == 0 && high == 0 && d.dcTables[c.dc] == nil || from > 0 && d.acTables[c.ac] == nil {
			return false
		}
	}
	if from == 0 {
		d.seen = true
	}
	p := pass{from: from, to: to, low: low}
	if from > 0 {
		p.t = d.acTables[y.ac]
	}
	restart := func() {
		p.run = 0
		for _, c := range parts {
			c.pred = 0
		}
	}
	if len(parts) > 1 {
		return d.intervals(d.unitsX*d.unitsY, restart, func(r *reader, i int) bool {
			ux, uy := i%d.unitsX*y.h, i/d.unitsX*y.v
			for by := range y.v {
				for bx := range y.h {
					if !d.dc(r, y, d.at64(ux+bx, uy+by), high, low) {
						return false
					}
				}
			}
			for _, c := range parts[1:] {
				if !d.dc(r, c, nil, high, low) {
					return false
				}
			}
			return true
		})
	}
	// A scan of luma alone has only the blocks that the picture touches.
	across, down := up(d.width, 8), up(d.height, 8)
	return d.intervals(across*down, restart, func(r *reader, i int) bool {
		c := d.at64(i%across, i/across)
		switch {
		case from == 0:
			return d.dc(r, y, c, high, low)
		case high == 0:
			return p.first(r, c)
		}
		return p.more(r, c)
	})
}

func (d *decoder) at64(x, y int) *[64]int16 { return (*[64]int16)(d.coefficients[64*(y*d.blocksX+x):]) }

// dc decodes a DC value or its next bit. A nil block is stepped over.
func (d *decoder) dc(r *reader, c *component, block *[64]int16, high, low uint) bool {
	if high != 0 {
		r.refill()
		if r.take(1) == 1 && block != nil {
			block[0] |= 1 << low
		}
		return !r.over()
	}
	v, ok := r.difference(d.dcTables[c.dc])
	c.pred += v
	if !ok || r.over() || c.pred < -1<<11 || c.pred > 1<<11 {
		return false
	}
	if block != nil {
		block[0] = int16(c.pred << low)
	}
	return true
}

// pass is a scan of AC coefficients.
type pass struct {
	t        *table
	from, to int
	low      uint
	run      int // blocks that follow without new coefficients
}

// first decodes the first bits of the coefficients of a block: T.81 G.1.2.2.
func (p *pass) first(r *reader, c *[64]int16) bool {
	if p.run > 0 {
		p.run--
		return true
	}
	for k := p.from; k <= p.to; k++ {
		r.refill()
		s := r.symbol(p.t)
		if s < 0 {
			return false
		}
		size := s & 15
		if size == 0 && s != 0xf0 {
			p.run = 1<<(s>>4) - 1 + r.take(uint(s>>4))
			return true
		}
		if k += s >> 4; k > p.to {
			return false
		}
		if size > 0 {
			c[k] = int16(extend(r.take(uint(size)), size) << p.low)
		}
	}
	return true
}

// more decodes the next bit of the coefficients of a block, and those that become non-zero: T.81 G.1.2.3.
func (p *pass) more(r *reader, c *[64]int16) bool {
	k := p.from
	bit := int16(1) << p.low
	if p.run == 0 {
		for ; k <= p.to; k++ {
			r.refill()
			s := r.symbol(p.t)
			if s < 0 {
				return false
			}
			zeros, size, v := s>>4, s&15, int16(0)
			switch {
			case size == 1:
				if v = bit; r.take(1) == 0 {
					v = -bit
				}
			case size > 1:
				return false
			case zeros < 15:
				p.run = 1<<zeros + r.take(uint(zeros))
			}
			if p.run > 0 {
				break
			}
			if k = p.correct(r, c, k, zeros, bit); k > p.to {
				return false
			}
			if v != 0 {
				c[k] = v
			}
		}
	}
	if p.run > 0 {
		p.run--
		p.correct(r, c, k, -1, bit)
	}
	return true
}

// correct reads a correction bit for each non-zero coefficient from k on, until it has passed the given number of zeros and come to
// another, whose index it gives; with -1 zeros, to the end of the band.
func (p *pass) correct(r *reader, c *[64]int16, k, zeros int, bit int16) int {
	for ; k <= p.to; k++ {
		if c[k] == 0 {
			if zeros == 0 {
				return k
			}
			zeros--
			continue
		}
		r.refill()
		if r.take(1) == 1 && c[k]&bit == 0 {
			if c[k] > 0 {
				c[k] += bit
			} else {
				c[k] -= bit
			}
		}
	}
	return k
}

// render paints all blocks of a progressive file.
func (d *decoder) render() bool {
	y := d.components[0]
	if !d.hasQuant[y.quant] {
		return false
	}
	d.start()
	quant := &d.quants[y.quant]
	var f [64]int32
	for by := range up(d.height, 8) {
		for bx := range up(d.width, 8) {
			c := d.at64(bx, by)
			if d.last == 0 {
				if !d.flat(bx, by, int(c[0])*int(quant[0])) {
					return false
				}
				continue
			}
			set := uint64(0)
			for i, v := range c[:d.last+1] {
				w := int64(v) * int64(quant[i])
				if w < -maxCoefficient || w > maxCoefficient {
					return false
				}
				place := zigzag[i]
				f[place] = int32(w)
				if w != 0 {
					set |= 1 << place
				}
			}
			d.paint(bx, by, &f, set)
		}
	}
	return true
}
