/**
 * OHIF's WebAssembly codecs come with glue code (embind of Emscripten) that makes functions out of text, which a policy
 * without `unsafe-eval` forbids: JPEG-LS, JPEG 2000, HTJ2K and 8-bit JPEG would not be shown. Each place gets a function that
 * does what the text would have done, as Emscripten itself writes it with `-sDYNAMIC_EXECUTION=0`.
 */
import type { Patch } from './patch.ts';

const invoker = `(function (...given) {
  if (given.length !== argTypes.length - 2) throwBindingError("function " + humanName + " called with " + given.length + " arguments");
  var destructors = needsDestructorStack ? [] : null;
  var wired = [];
  var first = isClassMethodFunc ? 1 : 2;
  if (isClassMethodFunc) wired.push(argTypes[1].toWireType(destructors, this));
  for (var n = 2; n < argTypes.length; ++n) wired.push(argTypes[n].toWireType(destructors, given[n - 2]));
  var answer = cppInvokerFunc(cppTargetFunc, ...wired);
  if (needsDestructorStack) runDestructors(destructors);
  else for (var n = first; n < argTypes.length; ++n) {
    if (argTypes[n].destructorFunction !== null) argTypes[n].destructorFunction(wired[n - first]);
  }
  return returns ? argTypes[0].fromWireType(answer) : undefined;
})`;

const methodCaller = `((object, called, destructorsRef, place) => {
  var read = [];
  for (var type of types) {
    read.push(type.readValueFromPointer(place));
    place += type.argPackAdvance;
  }
  var answer = kind === 1 ? new called(...read) : kind === 0 ? called.call(object, ...read) : called.call(...read);
  return retType.isVoid ? undefined : emval_returnValue(retType, destructorsRef, answer);
})`;

const allocator = `((constructor, types, values) => {
  var read = [];
  for (var n = 0; n < argCount; ++n) {
    var type = requireRegisteredType(HEAPU32[types >> 2], "parameter " + n);
    read.push(type.readValueFromPointer(values));
    values += type["argPackAdvance"];
    types += 4;
  }
  return Emval.toHandle(new constructor(...read));
})`;

/** Twice each: on the page and in its worker. */
export const codecPatches: readonly Patch[] = [
  {
    reason: 'codecs name an error class by a function made of text',
    find: /new Function\(\s*"body",\s*"return function " ?\+ ?name ?\+ ?"\(\) \{\\n" ?\+\s*(?:'    "use strict";'|" {4}\\"use strict\\";") ?\+\s*" {4}return body\.apply\(this, arguments\);\\n" ?\+\s*"\};\\n"\s*\)\(body\)/g,
    replace: '({ [name]: function () { return body.apply(this, arguments); } })[name]',
    count: 6,
  },
  {
    reason: 'codecs call WebAssembly through functions made of text',
    find: /new_\(Function, ?args1\)\.apply\(null, ?args2\)/g,
    replace: invoker,
    count: 6,
  },
  {
    reason: 'the newer codec (HTJ2K) does the same in other words',
    find: /newFunc\(Function,args\)\(\.\.\.closureArgs\)/g,
    replace: invoker,
    count: 2,
  },
  {
    reason: 'the newer codec calls JavaScript from WebAssembly so',
    find: /newFunc\(Function,params\)\(\.\.\.args\)/g,
    replace: methodCaller,
    count: 2,
  },
  {
    reason: 'constructors are called from WebAssembly so',
    find: /new Function\("requireRegisteredType","Module","valueToHandle","getMemory",functionBody\)\(requireRegisteredType,Module,Emval\.toHandle,getMemory\)/g,
    replace: allocator,
    count: 4,
  },
];
