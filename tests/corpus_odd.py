# SPDX-License-Identifier: BSD-3-Clause
"""corpus_odd.py - the files of the corpus that are seldom met: superblocks, chunk indexes, fill values, integers of odd
precision, compounds within compounds, attributes of odd types. corpus.py calls write() with itself.
"""
import ctypes

import h5py
import numpy as np
import xarray
from h5py import h5d, h5f, h5p, h5s, h5t

# What h5py has no call for; the library that it has loaded.
LIBRARY = ctypes.CDLL("libhdf5_serial.so.103")
SHAPE, CHUNK = (41, 53), (8, 9)


def creation(chunk=None, filters="", **settings):
    plist = h5p.create(h5p.DATASET_CREATE)
    if chunk is not None:
        plist.set_chunk(chunk)
    for name in filters:
        {"s": plist.set_shuffle, "d": plist.set_deflate, "f": plist.set_fletcher32}[name]()
    for name, value in settings.items():
        getattr(plist, "set_" + name)(value)
    return plist


def create(f, name, stored, shape, plist=None, most=None):
    most = most and tuple(h5s.UNLIMITED if n is None else n for n in most)
    h5d.create(f.id, name.encode(), stored, h5s.create_simple(shape, most), plist)
    return f[name]


def note_all(c, d):
    c.note(d.file.filename, d.name[1:], c.how_read(d), d[()])


# ---- superblocks, and where the file's bytes lie ----

def fill_file(c, f):
    a = c.values("<f4", SHAPE)
    for name, options in dict(plain={}, chunks=dict(chunks=CHUNK), single=dict(chunks=SHAPE, compression="gzip"),
                              fixed=dict(chunks=CHUNK, compression="gzip", shuffle=True, fletcher32=True),
                              rows=dict(chunks=CHUNK, maxshape=(None, 53), compression="gzip"),
                              both=dict(chunks=CHUNK, maxshape=(None, None), compression="gzip")).items():
        note_all(c, f.create_dataset("g/" + name, data=a, **options))


def write_superblocks(c):
    for version in "earliest", "v108", "v110", "latest":
        for block in 0, 512, 1 << (20 if version == "latest" else 11):
            with h5py.File("superblock-%s-%d.h5" % (version, block), "w", libver=version, userblock_size=block) as f:
                fill_file(c, f)
    for strategy in "page", "fsm", "aggregate", "none":
        with h5py.File("space-%s.h5" % strategy, "w", fs_strategy=strategy, fs_persist=strategy in ("page", "fsm")) as f:
            fill_file(c, f)
    short = h5p.create(h5p.FILE_CREATE)
    short.set_sizes(4, 4)  # bytes of an address and of a length
    one = h5p.create(h5p.FILE_CREATE)
    LIBRARY.H5Pset_istore_k(ctypes.c_int64(one.id), 2)  # makes superblock 1
    for name, plist in ("short", short), ("one", one):
        with h5py.File(h5f.create(b"superblock-%s.h5" % name.encode(), h5f.ACC_TRUNC, fcpl=plist)) as f:
            fill_file(c, f)


def write_swmr(c):
    """Grown while others could read it."""
    a = c.values("<f4", (1000, 7))
    with h5py.File("swmr.h5", "w", libver="latest") as f:
        d = f.create_dataset("x", (0, 7), "<f4", chunks=(10, 4), maxshape=(None, 7))
        e = f.create_dataset("y", (0,), "<f4", chunks=(3,), maxshape=(None,), compression="gzip")
        f.swmr_mode = True
        for i in range(0, 1000, 100):
            for grown, rows in (d, a), (e, a[:, 0]):
                grown.resize(i + 100, 0)
                grown[i:i + 100] = rows[i:i + 100]
                grown.flush()
        note_all(c, d)
        note_all(c, e)


# ---- chunk indexes of many blocks, with holes, and of datasets that were cut ----

def write_indexes(c):
    for version in "earliest", "latest":
        with h5py.File("index-%s.h5" % version, "w", libver=version) as f:
            a, b = c.values("<i2", (21000,)), c.values("<i2", (300, 200))
            for z in None, "gzip":
                for name, data, chunks, most in (("fixed", a, (7,), None), ("one", a, (7,), (None,)),
                                                 ("two", b, (6, 8), (None, None))):
                    note_all(c, f.create_dataset("%s %s" % (name, z), data=data, chunks=chunks, maxshape=most, compression=z))
                for name, most in ("fixed", (300, 200)), ("one", (None, 200)), ("two", (None, None)):
                    write_cut(c, f, "%s %s " % (name, z), b, dict(chunks=(7, 9), maxshape=most, compression=z, fillvalue=-3))
            d = create(f, "early", h5t.STD_I16BE, b.shape, creation((7, 9), alloc_time=h5d.ALLOC_TIME_EARLY))
            d[...] = b
            note_all(c, d)


def write_cut(c, f, name, a, options):
    d = f.create_dataset(name + "sparse", a.shape, a.dtype, **options)
    d[17, 33:190], d[299, 199], d[100:180:7, 40] = 5, 9, 2
    note_all(c, d)
    d = f.create_dataset(name + "few", a.shape, a.dtype, **options)
    d[299, 199], d[0, 100] = 9, 2
    note_all(c, d)
    if options["maxshape"][0] is not None:
        return
    for what, rows in ("shorter", (101,)), ("empty", (0,)), ("grown", (101, 250)), ("cut twice", (150, 11, 160)):
        d = f.create_dataset(name + what, data=a, **options)
        for n in rows:
            d.resize(n, 0)
        if rows[-1] > rows[0]:
            d[120, :7] = 1
        note_all(c, d)


def write_edges(c):
    """Chunks that overhang are not filtered."""
    a = c.values("<i4", SHAPE)
    with h5py.File("edges.h5", "w", libver="latest") as f:
        for filters in "d", "sd", "sdf", "f":
            for most in None, (None, 53), (None, None):
                plist = creation(CHUNK, filters)
                LIBRARY.H5Pset_chunk_opts(ctypes.c_int64(plist.id), 2)
                for rows in (41,) if most is None else (41, 61, 30):
                    d = create(f, "%s %s %d" % (filters, most, rows), h5t.STD_I32LE, SHAPE, plist, most)
                    d[...] = a
                    if rows != 41:
                        d.resize(rows, 0)
                    note_all(c, d)


def write_fills(c):
    times = {"early": h5d.ALLOC_TIME_EARLY, "late": h5d.ALLOC_TIME_LATE, "step": h5d.ALLOC_TIME_INCR}
    with h5py.File("fills.h5", "w") as f:
        for time in times:
            for when, filled in ("alloc", h5d.FILL_TIME_ALLOC), ("if set", h5d.FILL_TIME_IFSET):
                for chunk, filters in (None, ""), ((4, 5), ""), ((4, 5), "d"):
                    if chunk is None and time == "step":
                        continue
                    for fill in None, 3.5:
                        plist = creation(chunk, filters, alloc_time=times[time], fill_time=filled)
                        if fill is not None:
                            plist.set_fill_value(np.array(fill, "f4"))
                        d = create(f, "%s %s %s%s %s" % (time, when, chunk, filters, fill is None), h5t.IEEE_F64BE, (21, 13), plist)
                        if chunk is not None:
                            d[3, 4:9] = 7
                        note_all(c, d)


# ---- types ----

WIDTHS = [(1, 7, 1), (2, 12, 0), (2, 12, 3), (3, 24, 0), (4, 20, 5), (4, 24, 0), (5, 40, 0), (6, 33, 7), (8, 40, 20),
          (8, 63, 0)]


def odd_integers(f, c):
    a = c.values("<i4", (21, 13)) % 60
    for size, precision, offset in WIDTHS:
        for sign in "ui":
            for order in h5t.ORDER_LE, h5t.ORDER_BE:
                stored = (h5t.STD_U64LE if sign == "u" else h5t.STD_I64LE).copy()
                stored.set_order(order)
                stored.set_precision(precision)
                stored.set_offset(0)
                stored.set_size(size)
                stored.set_offset(offset)
                b = (a - 30 if sign == "i" else a).astype(sign + str(next(n for n in (1, 2, 4, 8) if n >= size)))
                name = "%s%d %d %d %d" % (sign, size, precision, offset, order)
                create(f, name, stored, a.shape).id.write(h5s.ALL, h5s.ALL, b)
                c.note("odd.h5", name, "H5Dread (type conversion", b)


def odd_float(f, c, name, size, exponent, mantissa, order):
    bits = 8 * size
    stored = (h5t.IEEE_F64BE if order == "be" else h5t.IEEE_F64LE).copy()
    stored.set_fields(bits - 1, mantissa, exponent, 0, mantissa)
    stored.set_precision(bits)
    stored.set_size(size)
    stored.set_ebias(2 ** (exponent - 1) - 1)
    a = (c.values("i4", (21, 13)) % 12 / 4 - 1).astype("f4" if size <= 4 else "f8")  # each of these types has them
    create(f, name + " " + order, stored, a.shape).id.write(h5s.ALL, h5s.ALL, a)
    c.note("odd.h5", name + " " + order, "H5Dread (type conversion", a)


def write_odd_types(c):
    with h5py.File("odd.h5", "w") as f:
        odd_integers(f, c)
        for order in "le", "be":
            for name, size, exponent, mantissa in (("bfloat16", 2, 8, 7), ("float8", 1, 4, 3), ("float24", 3, 7, 16),
                                                   ("float48", 6, 11, 36)):
                odd_float(f, c, name, size, exponent, mantissa, order)
        for base in "i1", ">u4", "<i8", ">i8":
            colour = h5py.enum_dtype({"A": 1, "B": 100}, basetype=base)
            a = np.array([1, 100, 77], base)  # one of them is no member
            f.create_dataset("enum " + base, data=a, dtype=colour, chunks=(2,), fillvalue=77, maxshape=(None,))
            d = create(f, "compact enum " + base, h5t.py_create(colour, logical=True), a.shape, creation(layout=h5d.COMPACT))
            d[...] = a
            c.note("odd.h5", d.name[1:], "H5Dread (compact", a)
            f["enum " + base].resize(7, 0)
            c.note("odd.h5", "enum " + base, "pread", np.array([1, 100, 77, 77, 77, 77, 77], base))
        f["type"] = np.dtype("<i4")
        c.note_error("odd.h5", "type", "named type")
        note_all(c, f.create_dataset("of a named type", data=c.values("<i4", SHAPE), dtype=f["type"]))
        f["soft"] = h5py.SoftLink("/of a named type")
        f.create_group("loop")["up"] = f["/"]
        f["far"] = h5py.ExternalLink("superblock-v110-512.h5", "/g/rows")
        for name in "soft", "loop/up/loop/up/soft":
            c.note("odd.h5", name, "pread", f[name][()])
        c.note("odd.h5", "far", "H5Dread (a link into another file", c.values("<f4", SHAPE) * 0 + f["far"][()])
        h5d.create(f.id, b"times", h5t.UNIX_D32LE, h5s.create_simple((4,)))
        c.note_error("odd.h5", "times", "times")
        for shape in (3, 0, 4), (0, 0):
            f.create_dataset("none %d" % len(shape), shape, "f4", chunks=(2,) * len(shape), maxshape=(None,) * len(shape))
            c.note("odd.h5", "none %d" % len(shape), "pread", np.zeros(shape, "f4"))
        d = f.create_dataset("overhang", (5, 6), "<i2", chunks=(50, 60), maxshape=(None, None), compression="gzip")
        d[...] = c.values("<i2", (5, 6))
        note_all(c, d)
        name = "n" * 60 + "é" * 30
        f[name] = c.values("<i2", (5, 6))
        note_all(c, f[name])
        d = create(f, "ten filters", h5t.STD_I32LE, SHAPE, creation(CHUNK, "sdsdsdsdsd"))
        d[...] = c.values("<i4", SHAPE)
        c.note("odd.h5", "ten filters", "H5Dread (filter", d[()])
        for i in range(200):
            f["soft"].attrs["attribute %d" % i] = np.arange(4)
        many = np.arange(256).reshape((2,) * 8 + (1,) * 24)
        f["many axes"] = many
        c.note("odd.h5", "many axes", "unpacked", many)


NESTED = np.dtype([("a", "<i2"), ("in", [("x", "<f8"), ("in", [("y", ">i4"), ("z", "<c8")])]), ("v", "<f4", (3,)),
                   ("in.x", "<u2")])


def write_nested(c):
    a = np.zeros((41, 23), NESTED)
    a["a"], a["in"]["x"], a["in.x"] = c.values("<i2", a.shape), c.values("<f8", a.shape), c.values("<u2", a.shape)
    a["in"]["in"]["y"], a["in"]["in"]["z"] = c.values(">i4", a.shape), c.values("<c8", a.shape)
    with h5py.File("nested.h5", "w") as f:
        for name, options in dict(plain={}, gzip=dict(chunks=(8, 7), compression="gzip", shuffle=True)).items():
            d = f.create_dataset(name, data=a, **options)
            for field, values in {"a": a["a"], "in.x": a["in.x"], "in.in.y": a["in"]["in"]["y"],
                                  "in.in.z": a["in"]["in"]["z"]}.items():
                c.note("nested.h5", name + "." + field, c.how_read(d), values)
            c.note_error("nested.h5", name + ".in", "with the members x, in: add a dot")
            c.note_error("nested.h5", name + ".in.", "no such field")
            c.note_error("nested.h5", name + ".in.w", "no such field; it holds compounds with the members x, in")
            c.note_error("nested.h5", name + ".a.b", "no compounds")
            c.note_error("nested.h5", name + ".v", "arrays as elements")
        padded = np.dtype({"names": ["r", "i"], "formats": ["<f4", "<f4"], "offsets": [0, 8], "itemsize": 16})
        b = np.zeros(7, padded)
        b["r"], b["i"] = np.arange(7), -np.arange(7)
        f.create_dataset("padded", data=b, dtype=padded)
        c.note("nested.h5", "padded", "H5Dread", b["r"] + 1j * b["i"])


# ---- attributes that mean something, of unusual types ----

def odd_attributes(dtype):
    t = np.dtype(dtype).type
    yield "one fill", dict(_FillValue=np.array([7], dtype))
    yield "other fill", dict(_FillValue=np.array(7, ">i4"))
    yield "half fill", dict(_FillValue=7.5)
    yield "large fill", dict(_FillValue=9.96921e36)
    yield "wide fill", dict(_FillValue=np.int64(263))
    yield "text fill", dict(_FillValue="7")
    yield "text missing", dict(missing_value="7", scale_factor=0.5)
    yield "no text", dict(missing_value="")
    yield "list", dict(missing_value=np.array([7, 9.5, np.nan]))
    yield "long list", dict(missing_value=np.array([7, 2 ** 40, -1]))
    yield "unsigned missing", dict(missing_value=np.uint64(2 ** 64 - 1))
    yield "scale", dict(scale_factor=np.array([0.1], ">f4"))
    yield "offset", dict(add_offset=np.array([3], "u1"), _FillValue=t(7))
    yield "nothing", dict(scale_factor=1.0, add_offset=0.0)
    yield "nan", dict(missing_value=np.nan, scale_factor=0.25)
    yield "bytes", dict(_Unsigned=np.bytes_("true"))
    yield "other word", dict(_Unsigned="True")


def as_netcdf(value):
    """An attribute as netCDF4 gives it to xarray."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else np.asarray(value).astype(np.asarray(value).dtype.newbyteorder("="))[()]


def write_odd_attributes(c):
    with h5py.File("packed-odd.h5", "w") as f:
        for dtype in "i1 u1 >i2 u2 i4 >u4 i8 f4 >f8".split():
            for name, attributes in odd_attributes(dtype):
                a = c.values(dtype, (9, 13))
                if dtype[-2] == "i":
                    a[3] = -np.arange(13)
                d = f.create_dataset("%s %s" % (dtype, name), data=a, chunks=(4, 5), compression="gzip")
                d.attrs.update(attributes)
                x = xarray.Variable(("y", "x"), c.native(a), {k: as_netcdf(v) for k, v in d.attrs.items()})
                c.note("packed-odd.h5", d.name[1:], "unpacked", xarray.conventions.decode_cf_variable("x", x).values)


def write(c):
    for part in (write_superblocks, write_swmr, write_indexes, write_edges, write_fills, write_odd_types, write_nested,
                 write_odd_attributes):
        part(c)
