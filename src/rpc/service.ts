import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from "@grpc/grpc-js";
import type { MethodSchema, Schema, ServiceSchema } from "../schema/types.ts";
import type { CallContext } from "./call-context.ts";
import { directCalls } from "./direct-call.ts";
import { type HandlerFunction, handlerDriver } from "./handler-driver.ts";
import { chain, type Interceptor } from "./interceptor.ts";
import type { Method } from "./method.ts";
import { nearest } from "./nearest.ts";

type MaybePromise<T> = T | Promise<T>;
type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** `SayHello` and `say_hello` become `sayHello`. */
type MethodName<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Uncapitalize<Head>}${Capitalize<CamelCase<Tail>>}`
  : Uncapitalize<Name>;
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The handler of ours that does what one of grpc-js's four kinds does. A duplex stream is a readable one, too: first. */
type Handler<GrpcHandler> =
  GrpcHandler extends handleBidiStreamingCall<infer Request, infer Reply>
    ? (requests: AsyncIterable<Request>, call: CallContext) => MaybePromise<AnyIterable<Reply>>
    : GrpcHandler extends handleServerStreamingCall<infer Request, infer Reply>
      ? (request: Request, call: CallContext) => MaybePromise<AnyIterable<Reply>>
      : GrpcHandler extends handleClientStreamingCall<infer Request, infer Reply>
        ? (requests: AsyncIterable<Request>, call: CallContext) => MaybePromise<Reply>
        : GrpcHandler extends handleUnaryCall<infer Request, infer Reply>
          ? (request: Request, call: CallContext) => MaybePromise<Reply>
          : never;

/**
 * What to implement for a service: a handler for each of its methods, under the method's name in lowerCamelCase.
 *
 * @typeParam Handlers the interface that `proto-loader-gen-types` makes, as `GreeterHandlers`
 */
export type Implementation<Handlers> = {
  [Name in keyof Handlers as Name extends string
    ? string extends Name
      ? never
      : MethodName<Name>
    : never]: Handler<Handlers[Name]>;
};

/** The same handlers, to be called directly: from a route, or in a test. */
export type DirectCalls<Handlers> = {
  [Name in keyof Implementation<Handlers>]: Implementation<Handlers>[Name] extends (
    input: infer Input,
    call: CallContext,
  ) => infer Result
    ? (input: Input, call?: CallContext) => Result
    : never;
};

/** A service and its handlers, as {@link implement} makes it. */
export interface ServiceImplementation<Calls extends object = object> {
  readonly kind: "service";
  /** `helloworld.Greeter` */
  readonly name: string;
  readonly handlers: object;
  /** The handlers, to be called without a client. */
  readonly direct: Calls;
  readonly interceptors: ServiceInterceptors<string>;
  /** What the .proto files say of it, for a service that brings its own. */
  readonly schema?: ServiceSchema;
}

/** What stands around the handlers of a service, within what stands around all of the server. */
export interface ServiceInterceptors<Name extends string> {
  /** Around every method. The first one is outermost. */
  readonly interceptors?: readonly Interceptor[];
  /** Around single methods, within those of the service. */
  readonly methods?: { readonly [Key in Name]?: readonly Interceptor[] };
}

/** An implementation does not fit its service. The message is for the person who wrote it. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

/**
 * Says that these handlers implement a service: `implement<GreeterHandlers>("helloworld.Greeter", { … })`.
 *
 * @param name the full name of the service
 * @param handlers an object, an instance of a class, or a class whose constructor takes nothing. `this` is that object.
 * @param interceptors what stands around all handlers, or around some
 */
export function implement<Handlers extends object>(
  name: string,
  handlers: Implementation<Handlers> | (new () => Implementation<Handlers>),
  interceptors: ServiceInterceptors<keyof Implementation<Handlers> & string> = {},
): ServiceImplementation<DirectCalls<Handlers>> {
  const object = typeof handlers === "function" ? new handlers() : handlers;
  if (typeof object !== "object" || object === null) {
    throw new ServiceError(`implement("${name}", handlers) needs an object with a handler for each method.`);
  }
  const direct = directCalls(name, object, functionNames(object)) as DirectCalls<Handlers>;
  return { kind: "service", name, handlers: object, direct, interceptors };
}

/** A service that brings what its .proto file says along. */
export function serviceOf(schema: ServiceSchema, handlers: object): ServiceImplementation {
  const { name } = schema;
  const direct = directCalls(name, handlers, functionNames(handlers));
  return { kind: "service", name, handlers, direct, interceptors: {}, schema };
}

/** True for what {@link implement} returns. */
export function isService(value: unknown): value is ServiceImplementation {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "service";
}

/**
 * The service that is implemented.
 *
 * @throws {ServiceError} when the .proto files define none of this name
 */
export function findService(schema: Schema, implementation: ServiceImplementation): ServiceSchema {
  if (implementation.schema !== undefined) return implementation.schema;
  const { name } = implementation;
  const service = schema.services.get(name);
  if (service !== undefined) return service;
  const known = [...schema.services.keys()];
  const similar = nearest(name, known) ?? known.find((full) => full.endsWith(`.${name}`));
  const question = similar === undefined ? "" : ` Did you mean ${similar}?`;
  const list = known.length === 0 ? "They define no service." : `They define ${known.sort().join(", ")}.`;
  throw new ServiceError(`The .proto files define no service ${name}.${question} ${list}`);
}

/**
 * Finds the handler of each method: by its name in lowerCamelCase, or as in the .proto file.
 *
 * @param outer the interceptors of the server
 * @throws {ServiceError} when a method has no handler or two, or a handler no method
 */
export function bindService(
  schema: ServiceSchema,
  implementation: ServiceImplementation,
  outer: readonly Interceptor[] = [],
): Method[] {
  const handlers = implementation.handlers as Record<string, unknown>;
  const { interceptors = [], methods = {} } = implementation.interceptors;
  const bound: Method[] = [];
  const missing: MethodSchema[] = [];
  const problems: string[] = [];
  const used = new Set<string>();
  for (const method of schema.methods) {
    const names = namesOf(method).filter((name) => typeof ownValue(handlers, name) === "function");
    for (const name of names) used.add(name);
    const [name] = names;
    if (names.length > 1) problems.push(`has two handlers for ${method.name}: ${names.join(" and ")}.`);
    else if (name === undefined) missing.push(method);
    else {
      const handler = (handlers[name] as HandlerFunction).bind(handlers);
      const interceptor = chain([...outer, ...interceptors, ...(methods[localName(method.name)] ?? [])]);
      bound.push({ schema: method, driver: handlerDriver(method.kind, handler, interceptor) });
    }
  }
  const unused = functionNames(handlers).filter((name) => !used.has(name));
  for (const method of missing) problems.push(describeMissing(method, handlers, unused));
  if (isPlain(handlers)) {
    const suggested = new Set(missing.map((method) => nearest(localName(method.name), unused)));
    for (const name of unused) if (!suggested.has(name)) problems.push(describeExtra(name, schema));
  }
  if (problems.length === 0) return bound;
  const where = `${schema.name} (${schema.file})`;
  throw new ServiceError(problems.map((problem) => `${where} ${problem}`).join("\n"));
}

/** The name under which a method is implemented. */
function localName(name: string): string {
  const camel = name.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
  return camel.charAt(0).toLowerCase() + camel.slice(1);
}

function namesOf({ name }: MethodSchema): string[] {
  return [...new Set([localName(name), name])];
}

function describeMissing(
  { name }: MethodSchema,
  handlers: Record<string, unknown>,
  unused: readonly string[],
): string {
  const local = localName(name);
  if (ownValue(handlers, local) !== undefined)
    return `has no handler for ${name}: "${local}" is no function.`;
  const similar = nearest(local, unused);
  if (similar !== undefined) {
    return `has no handler for ${name}. Did you mean to name "${similar}" "${local}"?`;
  }
  return `has no handler for ${name}. Add a function "${local}".`;
}

function describeExtra(name: string, { methods }: ServiceSchema): string {
  const locals = methods.map((method) => localName(method.name));
  const similar = nearest(name, locals);
  const hint = similar === undefined ? `It has ${locals.join(", ")}.` : `Did you mean "${similar}"?`;
  return `has no method for the handler "${name}". ${hint}`;
}

/** Own functions and, for instances, the methods of their classes. */
function functionNames(handlers: object): string[] {
  const names = new Set<string>();
  let object: object | null = handlers;
  while (object !== null && object !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(object)) {
      if (name !== "constructor" && typeof (handlers as Record<string, unknown>)[name] === "function")
        names.add(name);
    }
    object = Object.getPrototypeOf(object) as object | null;
  }
  return [...names];
}

/** Classes may have methods for themselves; in an object literal, every function is meant as a handler. */
function isPlain(handlers: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(handlers);
  return prototype === Object.prototype || prototype === null;
}

/** A method may be called ToString or Constructor; what every object has of that name is no handler. */
function ownValue(handlers: Record<string, unknown>, name: string): unknown {
  if (name === "constructor" && !Object.hasOwn(handlers, name)) return undefined;
  const value = handlers[name];
  return value === (Object.prototype as Record<string, unknown>)[name] ? undefined : value;
}
