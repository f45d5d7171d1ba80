// The C types the walk can read. Builtins are known by their address; those of extension modules by their
// name, and only if they are found in the loaded module that the table says defines them.
#include <algorithm>

#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

struct BuiltinType {
  PyTypeObject* type;
  Reading reading;
};

struct LibraryType {
  std::string_view name;  // tp_name
  std::string_view module;
  std::string_view attribute;
  Reading reading;
};

constexpr Reading kReferences{Kind::kParts, show_references};
constexpr Reading kImmutableReferences{Kind::kParts, show_references, true, false};
constexpr Reading kIndexedIterator{Kind::kParts, show_references_and<16>};  // index, then the sequence
constexpr Reading kDictIterator{Kind::kParts, show_references_and<24, 32>};
constexpr Reading kName{Kind::kNamed};

const std::vector<BuiltinType>& builtin_types() {
  static const std::vector<BuiltinType> types = {
      {&PyBaseObject_Type, {Kind::kParts, show_raw}},
      {&PyList_Type, {Kind::kList}},
      {&PyTuple_Type, {Kind::kTuple, nullptr, true, false}},
      {&PyDict_Type, {Kind::kDict}},
      {&PySet_Type, {Kind::kSet}},
      {&PyFrozenSet_Type, {Kind::kFrozenset, nullptr, true, false}},
      {&PyFunction_Type, {Kind::kFunction, show_function, false, false}},
      {&PyCode_Type, {Kind::kParts, show_code, true, false}},
      {&PyCell_Type, {Kind::kParts, show_cell}},
      {&PyModule_Type, kName},
      {&PyMethod_Type, {Kind::kParts, show_references, true, false}},
      {&PyInstanceMethod_Type, {Kind::kParts, show_references, true, false}},
      {&PyCFunction_Type, {Kind::kParts, show_builtin_method, true, false}},
      {&_PyMethodWrapper_Type, {Kind::kParts, show_method_wrapper, true, false}},
      {&PyStaticMethod_Type, {Kind::kParts, show_references, false, false}},
      {&PyClassMethod_Type, {Kind::kParts, show_references, false, false}},
      {&PyProperty_Type, {Kind::kParts, show_property, false, false}},
      {&PyMemberDescr_Type, kName},
      {&PyGetSetDescr_Type, kName},
      {&PyMethodDescr_Type, kName},
      {&PyWrapperDescr_Type, kName},
      {&PyClassMethodDescr_Type, kName},
      {&PyGen_Type, {Kind::kParts, show_generator}},
      {&PyCoro_Type, {Kind::kParts, show_generator}},
      {&PyAsyncGen_Type, {Kind::kParts, show_generator}},
      {&PyFrame_Type, {Kind::kParts, show_frame}},
      {&PyTraceBack_Type, {Kind::kParts, show_traceback}},
      {&_PyWeakref_RefType, {Kind::kParts, show_weak_reference}},
      {&_PyWeakref_ProxyType, {Kind::kParts, show_weak_reference}},
      {&_PyWeakref_CallableProxyType, {Kind::kParts, show_weak_reference}},
      {&PySlice_Type, {Kind::kParts, show_members, true, false}},
      {&PyRange_Type, {Kind::kParts, show_members, true, false}},
      {&PySuper_Type, kReferences},
      {&PyByteArray_Type, {Kind::kParts, show_bytearray}},
      {&PyMemoryView_Type, {Kind::kParts, show_memoryview}},
      {&PyDictProxy_Type, kReferences},
      {&Py_GenericAliasType, kImmutableReferences},
      {&PyDictKeys_Type, kReferences},
      {&PyDictValues_Type, kReferences},
      {&PyDictItems_Type, kReferences},
      {&PyListIter_Type, kIndexedIterator},
      {&PyListRevIter_Type, kIndexedIterator},
      {&PyTupleIter_Type, kIndexedIterator},
      {&PyUnicodeIter_Type, kIndexedIterator},
      {&PyBytesIter_Type, kIndexedIterator},
      {&PyByteArrayIter_Type, kIndexedIterator},
      {&PySeqIter_Type, kIndexedIterator},
      {&PyReversed_Type, kIndexedIterator},
      {&PyEnum_Type, kIndexedIterator},
      {&PyCallIter_Type, kReferences},
      {&PyZip_Type, {Kind::kParts, show_references_and<16>}},
      {&PyMap_Type, kReferences},
      {&PyFilter_Type, kReferences},
      {&PyRangeIter_Type, {Kind::kParts, show_raw}},
      {&PyDictIterKey_Type, kDictIterator},
      {&PyDictIterValue_Type, kDictIterator},
      {&PyDictIterItem_Type, kDictIterator},
      {&PyDictRevIterKey_Type, kDictIterator},
      {&PyDictRevIterValue_Type, kDictIterator},
      {&PyDictRevIterItem_Type, kDictIterator},
      {&PySetIter_Type, {Kind::kParts, show_references_and<24, 32>}},
  };
  return types;
}

constexpr Reading pure_value(Show show) { return {Kind::kParts, show, true, false}; }

constexpr Reading kPandasBlock{Kind::kParts, show_block, false, true, true};

// Classes with one instance, or whose instances are had by name: never entered, shared by everybody.
constexpr std::pair<std::string_view, std::string_view> kSingletonClasses[] = {
    {"pandas._libs.missing", "NAType"}, {"pandas._libs.tslibs.nattype", "NaTType"}};

constexpr LibraryType kLibraryTypes[] = {
    {"collections.deque", "_collections", "deque", {Kind::kParts, show_references_and<64>}},
    {"collections.OrderedDict", "_collections", "OrderedDict", {Kind::kInstance, show_ordered_dict}},
    {"collections.defaultdict", "_collections", "defaultdict", {Kind::kInstance}},
    {"_collections._tuplegetter",
     "_collections",
     "_tuplegetter",
     {Kind::kParts, show_references_and<16>, true, false}},
    {"sqlite3.Connection", "_sqlite3", "Connection", {Kind::kParts, show_database_connection}},
    {"types.SimpleNamespace", "types", "SimpleNamespace", {Kind::kInstance}},
    {"types.UnionType", "types", "UnionType", kImmutableReferences},
    {"functools._lru_cache_wrapper", "_functools", "_lru_cache_wrapper", {Kind::kParts, show_lru_cache}},
    {"functools.partial", "_functools", "partial", {Kind::kParts, show_references}},
    {"operator.itemgetter", "_operator", "itemgetter", {Kind::kParts, show_references, true, false}},
    {"operator.attrgetter", "_operator", "attrgetter", {Kind::kParts, show_references, true, false}},
    {"operator.methodcaller", "_operator", "methodcaller", {Kind::kParts, show_references, true, false}},
    {"itertools.count", "itertools", "count", {Kind::kParts, show_references_and<16>}},
    {"itertools.chain", "itertools", "chain", kReferences},
    {"itertools.cycle", "itertools", "cycle", {Kind::kParts, show_references_and<32, 40>}},
    {"itertools.repeat", "itertools", "repeat", {Kind::kParts, show_references_and<24>}},
    {"itertools.islice", "itertools", "islice", {Kind::kParts, show_references_and<24, 32, 40, 48>}},
    {"itertools.accumulate", "itertools", "accumulate", kReferences},
    {"itertools.starmap", "itertools", "starmap", kReferences},
    {"itertools.filterfalse", "itertools", "filterfalse", kReferences},
    {"itertools.compress", "itertools", "compress", kReferences},
    {"itertools.pairwise", "itertools", "pairwise", kReferences},
    {"itertools.zip_longest", "itertools", "zip_longest", {Kind::kParts, show_references_and<16, 24>}},
    {"datetime.date", "datetime", "date", pure_value(show_date)},
    {"datetime.time", "datetime", "time", pure_value(show_time)},
    {"datetime.datetime", "datetime", "datetime", pure_value(show_datetime)},
    {"datetime.timedelta", "datetime", "timedelta", pure_value(show_timedelta)},
    {"datetime.timezone", "datetime", "timezone", pure_value(show_timezone)},
    {"zoneinfo.ZoneInfo", "_zoneinfo", "ZoneInfo", pure_value(show_members)},
    {"decimal.Decimal", "decimal", "Decimal", pure_value(show_decimal)},
    {"re.Pattern", "re", "Pattern", pure_value(show_members)},
    {"re.Match", "re", "Match", pure_value(show_match)},
    {"array.array", "array", "array", {Kind::kParts, show_array_array}},
    {"mmap.mmap", "mmap", "mmap", {Kind::kParts, show_mmap}},
    {"_io.BytesIO", "_io", "BytesIO", {Kind::kParts, show_bytes_io}},
    {"_thread.lock", "_thread", "LockType", {Kind::kParts, show_lock}},
    {"_thread.RLock", "_thread", "RLock", {Kind::kParts, show_rlock}},
    {"pandas._libs.internals.BlockManager",
     "pandas._libs.internals",
     "BlockManager",
     {Kind::kParts, show_block_manager}},
    {"pandas._libs.internals.Block", "pandas._libs.internals", "Block", kPandasBlock},
    {"pandas._libs.internals.NumpyBlock", "pandas._libs.internals", "NumpyBlock", kPandasBlock},
    {"pandas._libs.internals.BlockPlacement", "pandas._libs.internals", "BlockPlacement",
     pure_value(show_block_placement)},
    {"pandas._libs.internals.BlockValuesRefs", "pandas._libs.internals", "BlockValuesRefs", kName},
    {"pandas._libs.tslibs.timestamps._Timestamp", "pandas._libs.tslibs.timestamps", "_Timestamp",
     pure_value(show_timestamp)},
    {"pandas._libs.tslibs.timedeltas._Timedelta", "pandas._libs.tslibs.timedeltas", "_Timedelta",
     pure_value(show_pandas_timedelta)},
    {"pandas._libs.arrays.NDArrayBacked",
     "pandas._libs.arrays",
     "NDArrayBacked",
     {Kind::kParts, show_array_backed}},
    {"pandas._libs.interval.IntervalMixin", "pandas._libs.interval", "IntervalMixin", kReferences},
    {"pandas._libs.interval.Interval", "pandas._libs.interval", "Interval", pure_value(show_interval)},
    {"pandas._libs.tslibs.dtypes.PeriodDtypeBase", "pandas._libs.tslibs.dtypes", "PeriodDtypeBase",
     pure_value(show_period_type)},
    {"pandas._libs.tslibs.period._Period", "pandas._libs.tslibs.period", "_Period", pure_value(show_period)},
    {"pandas._libs.sparse.IntIndex", "pandas._libs.sparse", "IntIndex", {Kind::kParts, show_sparse_index}},
    {"pandas._libs.sparse.BlockIndex",
     "pandas._libs.sparse",
     "BlockIndex",
     {Kind::kParts, show_sparse_index}},
    {"pyarrow.lib.ChunkedArray",
     "pyarrow.lib",
     "ChunkedArray",
     {Kind::kParts, show_arrow_chunks, false, true, true}},
    {"pyarrow.lib.Table", "pyarrow.lib", "Table", {Kind::kParts, show_arrow_table, false, true, true}},
    {"pyarrow.lib.RecordBatch",
     "pyarrow.lib",
     "RecordBatch",
     {Kind::kParts, show_arrow_table, false, true, true}},
    {"_random.Random", "_random", "Random", {Kind::kParts, show_random}},
    {"numpy.random._generator.Generator",
     "numpy.random._generator",
     "Generator",
     {Kind::kParts, show_generator_of_numbers}},
    {"numpy.random.mtrand.RandomState",
     "numpy.random.mtrand",
     "RandomState",
     {Kind::kParts, show_random_state}},
    {"numpy.random.bit_generator.SeedSequence",
     "numpy.random.bit_generator",
     "SeedSequence",
     {Kind::kParts, show_seed_sequence}},
    {"sklearn.tree._tree.Tree", "sklearn.tree._tree", "Tree", {Kind::kParts, show_tree}},
    {"numpy._ArrayFunctionDispatcher",
     "numpy._core._multiarray_umath",
     "_ArrayFunctionDispatcher",
     {Kind::kParts, show_array_function, true, false}},
    {"numpy.ufunc", "numpy", "ufunc", {Kind::kNamed, show_ufunc}},
};

bool is_defined_by(PyTypeObject* type, std::string_view module, std::string_view attribute) {
  return loaded_attribute(module, attribute) == reinterpret_cast<PyObject*>(type);
}

bool derives_from(PyTypeObject* type, std::string_view module, std::string_view attribute) {
  PyObject* base = loaded_attribute(module, attribute);
  return base && PyType_Check(base) && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(base));
}

// Arrow's arrays, whose classes are many, its buffers, and its types and schemas.
const Reading* find_arrow_reading(PyTypeObject* type) {
  static constexpr Reading kArray{Kind::kParts, show_arrow_array, false, true, true};
  static constexpr Reading kBuffer{Kind::kParts, show_arrow_buffer, false, true, true};
  static constexpr Reading kType{Kind::kParts, show_arrow_type, true, false};
  if (is_python_class(type) || std::string_view(type->tp_name).substr(0, 12) != "pyarrow.lib.")
    return nullptr;
  if (derives_from(type, "pyarrow.lib", "Array")) return &kArray;
  if (derives_from(type, "pyarrow.lib", "Buffer")) return &kBuffer;
  if (derives_from(type, "pyarrow.lib", "DataType") || derives_from(type, "pyarrow.lib", "Field") ||
      derives_from(type, "pyarrow.lib", "Schema"))
    return &kType;
  return nullptr;
}

// pandas' frequencies, whose classes are many: every index that `date_range` makes has one.
const Reading* find_offset_reading(PyTypeObject* type) {
  static constexpr Reading kOffset = pure_value(show_offset);
  constexpr std::string_view kModule = "pandas._libs.tslibs.offsets";
  const bool derives =
      std::string_view(type->tp_name).starts_with(kModule) && derives_from(type, kModule, "BaseOffset");
  return derives ? &kOffset : nullptr;
}

// scikit-learn's trees of neighbours and their metrics, for numbers of 64 and of 32 bits.
const Reading* find_neighbours_reading(PyTypeObject* type) {
  static constexpr Reading kTree{Kind::kParts, show_neighbours_tree};
  static constexpr Reading kMetric{Kind::kParts, show_distance};
  if (!std::string_view(type->tp_name).starts_with("sklearn.")) return nullptr;
  for (const std::string_view module : {"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"})
    for (const std::string_view name : {"BinaryTree64", "BinaryTree32"})
      if (derives_from(type, module, name)) return &kTree;
  for (const std::string_view name : {"DistanceMetric64", "DistanceMetric32"})
    if (derives_from(type, "sklearn.metrics._dist_metrics", name)) return &kMetric;
  return nullptr;
}

// IPython's shell holds the whole application, of which something changes with every cell. The streams that
// end in the notebook are the kernel's, one of each.
const Reading* find_application_reading(PyTypeObject* type) {
  static constexpr Reading kShell{Kind::kParts, show_closed, false, false};
  static constexpr Reading kStream{Kind::kParts, show_nothing, false, false};
  if (derives_from(type, "IPython.core.interactiveshell", "InteractiveShell")) return &kShell;
  return is_defined_by(type, "elasticpython.streams", "NotebookStream") ? &kStream : nullptr;
}

// What matplotlib draws on; its name says nothing of its module.
const Reading* find_renderer_reading(PyTypeObject* type) {
  static constexpr Reading kRenderer{Kind::kParts, show_renderer};
  const bool renderer = std::string_view(type->tp_name).ends_with("RendererAgg") &&
                        is_defined_by(type, "matplotlib.backends._backend_agg", "RendererAgg");
  return renderer ? &kRenderer : nullptr;
}

// The objects inside of polars' frames and series. Expressions and lazy frames stay opaque.
const Reading* find_polars_reading(PyTypeObject* type) {
  static constexpr Reading kFrame{Kind::kParts, show_polars_frame, false, true, true};
  static constexpr Reading kSeries{Kind::kParts, show_polars_series, false, true, true};
  constexpr std::string_view kModule = "polars._plr";
  const std::string_view name = type->tp_name;
  if (name.ends_with("PyDataFrame") && is_defined_by(type, kModule, "PyDataFrame")) return &kFrame;
  return name.ends_with("PySeries") && is_defined_by(type, kModule, "PySeries") ? &kSeries : nullptr;
}

// Pillow's C types, which its module does not name.
const Reading* find_pillow_reading(PyTypeObject* type) {
  static constexpr Reading kImage{Kind::kParts, show_image};
  static constexpr Reading kReference{Kind::kParts, show_image_reference};
  constexpr Py_ssize_t kBytes = 32;  // of each
  if (type->tp_basicsize != kBytes || PyType_IS_GC(type) || !loaded_module("PIL._imaging")) return nullptr;
  const std::string_view name = type->tp_name;
  if (name == "ImagingCore") return &kImage;
  return name == "ImagingDraw" || name == "PixelAccess" ? &kReference : nullptr;
}

// numpy's sources of random bits. A source of another library may keep more than its getters tell.
const Reading* find_bit_generator_reading(PyTypeObject* type) {
  static constexpr Reading kBitGenerator{Kind::kParts, show_bit_generator};
  const bool derives = std::string_view(type->tp_name).starts_with("numpy.random.") &&
                       derives_from(type, "numpy.random.bit_generator", "BitGenerator");
  return derives ? &kBitGenerator : nullptr;
}

// numpy's scalars and dtypes: static types, or dtype classes of a metaclass of numpy's own.
const Reading* find_numpy_reading(PyTypeObject* type) {
  static constexpr Reading kScalar{Kind::kParts, show_numpy_scalar, true, false};
  static constexpr Reading kRecord{Kind::kParts, show_numpy_scalar, false, true};
  static constexpr Reading kDtype{Kind::kParts, show_dtype, true, false};
  if (is_python_class(type) || std::string_view(type->tp_name).substr(0, 6) != "numpy.") return nullptr;
  if (derives_from(type, "numpy", "void")) return &kRecord;
  if (derives_from(type, "numpy", "generic")) return &kScalar;
  if (derives_from(type, "numpy", "dtype")) return &kDtype;
  return nullptr;
}

// Tensors stay opaque; where their memory is links those that share it.
const Reading* find_torch_reading(PyTypeObject* type) {
  static constexpr Reading kTensor{Kind::kOpaque, show_tensor};
  const bool tensor =
      is_defined_by(type, "torch", "Tensor") || is_defined_by(type, "torch.nn.parameter", "Parameter");
  return tensor ? &kTensor : nullptr;
}

// numba's compiled functions, whose class is of Python.
const Reading* find_numba_reading(PyTypeObject* type) {
  static constexpr Reading kCompiled{Kind::kParts, show_compiled};
  const bool compiled = std::string_view(type->tp_name) == "CPUDispatcher" &&
                        is_defined_by(type, "numba.core.registry", "CPUDispatcher");
  return compiled ? &kCompiled : nullptr;
}

}  // namespace

const Reading* find_reading(PyTypeObject* type) {
  for (const BuiltinType& known : builtin_types()) {
    if (known.type == type) return &known.reading;
  }
  for (const auto& [module, attribute] : kSingletonClasses) {
    if (is_defined_by(type, module, attribute)) return &kName;
  }
  if (const Reading* reading = find_torch_reading(type)) return reading;
  if (const Reading* reading = find_numba_reading(type)) return reading;
  if (const Reading* reading = find_application_reading(type)) return reading;
  if (is_python_class(type)) return nullptr;
  for (const LibraryType& known : kLibraryTypes) {
    if (known.name == type->tp_name && is_defined_by(type, known.module, known.attribute))
      return &known.reading;
  }
  if (const Reading* reading = find_arrow_reading(type)) return reading;
  if (const Reading* reading = find_offset_reading(type)) return reading;
  if (const Reading* reading = find_neighbours_reading(type)) return reading;
  if (const Reading* reading = find_renderer_reading(type)) return reading;
  if (const Reading* reading = find_polars_reading(type)) return reading;
  if (const Reading* reading = find_pillow_reading(type)) return reading;
  if (const Reading* reading = find_bit_generator_reading(type)) return reading;
  return find_numpy_reading(type);
}

bool is_quiet_class(PyTypeObject* type) {
  static constexpr std::pair<std::string_view, std::string_view> kQuietBases[] = {
      {"pandas.core.indexes.base", "Index"}, {"pandas.core.dtypes.base", "ExtensionDtype"}};
  for (const auto& [module, attribute] : kQuietBases) {
    PyObject* base = loaded_attribute(module, attribute);
    if (base && PyType_Check(base) && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(base)))
      return true;
  }
  return false;
}

const std::vector<std::string_view>* find_hidden_attributes(PyTypeObject* type) {
  struct Hidden {
    std::string_view module, attribute;
    std::vector<std::string_view> names;
  };
  static const std::vector<Hidden> known = {
      // What pandas works out on first use: engines, cached columns, who else looks at the memory.
      {"pandas.core.base",
       "PandasObject",
       {"_cache", "_id", "_references", "_item_cache", "_cacher", "_is_copy"}},
      {"pandas._libs.internals", "SharedBlock", {"_cache"}},  // blocks of pandas 1.5
      {"pandas._libs.internals", "Block", {"_cache"}},
      {"pandas.core.arrays.base", "ExtensionArray", {"_cache"}},
      {"pandas.core.dtypes.base", "ExtensionDtype", {"_cache"}},
      {"pathlib", "PurePath", {"_str", "_hash", "_pparts", "_cached_cparts"}},
      {"numpy", "memmap", {"_mmap"}},
      // All loggers of the process, also those of libraries; and what is worked out when asked.
      {"logging", "Logger", {"manager", "_cache"}},
      // The excepthook and the stream that there were at its start, the cell (`parents.py`), and what the
      // system
      // calls it.
      {"threading",
       "Thread",
       {"_invoke_excepthook", "_stderr", "_elasticpython_request", "_ident", "_native_id"}},
      // Drawn at random for each connection.
      {"comm.base_comm", "BaseComm", {"comm_id", "topic"}},
      {"ipywidgets.widgets.widget", "Widget", {"_model_id"}},
      {"matplotlib.cbook", "CallbackRegistry", {"_cid_gen"}},  // pickling counts it on
      // Expressions never change; their hash and what was asked about them are filled in when wanted.
      {"sympy.core.basic", "Basic", {"_mhash", "_assumptions"}},
      {"astropy.units.core", "UnitBase", {"_hash"}},
      {"pint.util", "UnitsContainer", {"_hash"}},
      {"pint.facets.plain.registry", "GenericPlainRegistry", {"_cache"}},
  };
  for (const Hidden& hidden : known) {
    PyObject* base = loaded_attribute(hidden.module, hidden.attribute);
    if (base && PyType_Check(base) && PyType_IsSubtype(type, reinterpret_cast<PyTypeObject*>(base)))
      return &hidden.names;
  }
  return nullptr;
}

}  // namespace elastic::pyobj::walk
