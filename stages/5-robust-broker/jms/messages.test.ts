/** The five types of messages, their properties, and when they may be written and read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BytesMessage,
  JMSException,
  MapMessage,
  Message,
  MessageEOFException,
  MessageFormatException,
  MessageNotReadableException,
  MessageNotWriteableException,
  ObjectMessage,
  StreamMessage,
  TextMessage,
} from './index.ts';
import { STATE } from './message.ts';

test('bytes are read as they were written, and as Java writes them', () => {
  const message = new BytesMessage();
  message.writeBoolean(true);
  message.writeByte(-1);
  message.writeShort(-2);
  message.writeChar('茶');
  message.writeInt(-3);
  message.writeLong(2n ** 62n);
  message.writeFloat(0.5);
  message.writeDouble(0.1);
  message.writeUTF('a\0😀');
  message.writeBytes(new Uint8Array([1, 2, 3]));
  message.reset();
  assert.equal(message.getBodyLength(), 1 + 1 + 2 + 2 + 4 + 8 + 4 + 8 + (2 + 9) + 3);
  const read = [
    ...[message.readBoolean(), message.readByte(), message.readShort(), message.readChar(), message.readInt()],
    ...[message.readLong(), message.readFloat(), message.readDouble(), message.readUTF()],
  ];
  assert.deepEqual(read, [true, -1, -2, '茶', -3, 2n ** 62n, 0.5, 0.1, 'a\0😀']);
  assert.deepEqual(
    [message.readBytes(2), message.readBytes(), message.readBytes()].map((bytes) => [...bytes]),
    [[1, 2], [3], []],
  );
  message.reset();
  assert.deepEqual([...message.readBytes(4)], [1, 255, 255, 254]);
});

test('bytes that are not there cannot be read, and a read that fails has not moved on', () => {
  const message = new BytesMessage();
  message.writeByte(0);
  message.writeByte(9);
  message.writeByte(65);
  message.reset();
  assert.throws(() => message.readUTF(), MessageEOFException);
  assert.throws(() => message.readInt(), MessageEOFException);
  assert.equal(message.readUnsignedShort(), 9);
  assert.equal(message.readUnsignedByte(), 65);
  assert.throws(() => message.readByte(), MessageEOFException);
});

test('however much is written, all of it is read', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (pieces) => {
      const message = new BytesMessage();
      for (const piece of pieces) message.writeBytes(piece);
      message.reset();
      assert.deepEqual(Buffer.from(message.readBytes()), Buffer.concat(pieces));
    }),
  );
});

test('every string comes back from the text of Java, and one that is too long or none is refused', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
      const text = String.fromCharCode(...units);
      const message = new BytesMessage();
      message.writeUTF(text);
      message.reset();
      assert.equal(message.readUTF(), text);
    }),
  );
  const message = new BytesMessage();
  assert.throws(() => message.writeUTF('x'.repeat(0x10000)), MessageFormatException);
  message.writeShort(1);
  message.writeByte(-128);
  message.reset();
  assert.throws(() => message.readUTF(), MessageFormatException);
  assert.equal(message.readShort(), 1, 'it has not moved on');
});

test('a stream is read in its order, each value as JMS allows', () => {
  const message = new StreamMessage();
  message.writeInt(7);
  message.writeString('8');
  message.writeString('many');
  message.writeBytes(new Uint8Array([1]));
  message.writeString(null);
  message.writeObject(2n ** 60n);
  message.reset();
  assert.equal(message.readLong(), 7n);
  assert.equal(message.readInt(), 8);
  assert.throws(() => message.readInt(), MessageFormatException);
  assert.equal(message.readString(), 'many', 'a read that failed has not moved on');
  assert.throws(() => message.readString(), MessageFormatException);
  assert.deepEqual(message.readBytes(), new Uint8Array([1]));
  assert.throws(() => message.readInt(), MessageFormatException);
  assert.equal(message.readString(), null);
  assert.equal(message.readObject(), 2n ** 60n);
  assert.throws(() => message.readObject(), MessageEOFException);
});

test('a map has names and typed values', () => {
  const message = new MapMessage();
  message.setByte('small', 7);
  message.setChar('letter', 'c');
  message.setLong('big', 2n ** 60n);
  message.setObject('half', 0.5);
  message.setString('nothing', null);
  const raw = new Uint8Array([1]);
  message.setBytes('raw', raw);
  raw[0] = 2;
  assert.deepEqual(message.getMapNames(), ['small', 'letter', 'big', 'half', 'nothing', 'raw']);
  assert.deepEqual(
    [message.getLong('small'), message.getString('letter'), message.getObject('big'), message.getDouble('half')],
    [7n, 'c', 2n ** 60n, 0.5],
  );
  assert.deepEqual([message.getString('nothing'), message.itemExists('nothing')], [null, true]);
  assert.deepEqual([message.getString('other'), message.itemExists('other')], [null, false]);
  assert.deepEqual(message.getBytes('raw'), new Uint8Array([1]), 'what is set is a copy');
  assert.throws(() => message.getInt('half'), MessageFormatException);
  assert.throws(() => message.getInt('other'), MessageFormatException);
  assert.throws(() => message.setByte('small', 128), MessageFormatException);
  assert.throws(() => message.setObject('x', {}), MessageFormatException);
  assert.throws(() => message.setInt('', 1), MessageFormatException);
});

test('what is written cannot be read, and what was received cannot be written until it is cleared', () => {
  const bytes = new BytesMessage();
  assert.throws(() => bytes.readByte(), MessageNotReadableException);
  assert.throws(() => bytes.getBodyLength(), MessageNotReadableException);
  const stream = new StreamMessage();
  assert.throws(() => stream.readInt(), MessageNotReadableException);
  const writes: [Message, () => void][] = [
    [bytes, () => bytes.writeByte(1)],
    [stream, () => stream.writeInt(1)],
  ];
  const text = new TextMessage('a');
  const map = new MapMessage();
  const object = new ObjectMessage();
  writes.push([text, () => text.setText('b')], [map, () => map.setInt('n', 1)]);
  writes.push([object, () => object.setObject(new Uint8Array(1))]);
  for (const [message, write] of writes) {
    message[STATE].isBodyReadOnly = true;
    message[STATE].arePropertiesReadOnly = true;
    assert.throws(write, MessageNotWriteableException);
    assert.throws(() => message.setIntProperty('n', 1), MessageNotWriteableException);
    message.clearBody();
    write();
    assert.throws(() => message.setIntProperty('n', 1), MessageNotWriteableException, 'the body only');
    message.clearProperties();
    message.setIntProperty('n', 1);
  }
});

test('properties are typed, and read as JMS allows', () => {
  const message = new Message();
  message.setBooleanProperty('isFresh', true);
  message.setByteProperty('byte', 1);
  message.setShortProperty('short', 2);
  message.setIntProperty('int', 3);
  message.setLongProperty('long', 4);
  message.setFloatProperty('float', 0.5);
  message.setDoubleProperty('double', 0.25);
  message.setStringProperty('text', '6');
  message.setObjectProperty('object', 7);
  assert.equal(message.getBooleanProperty('isFresh'), true);
  assert.deepEqual(
    [message.getShortProperty('byte'), message.getIntProperty('short'), message.getLongProperty('int')],
    [1, 2, 3n],
  );
  assert.deepEqual(
    [message.getObjectProperty('long'), message.getDoubleProperty('float'), message.getStringProperty('double')],
    [4n, 0.5, '0.25'],
  );
  assert.deepEqual([message.getByteProperty('text'), message.getFloatProperty('text')], [6, 6]);
  assert.throws(() => message.getIntProperty('double'), MessageFormatException);
  assert.deepEqual([message.getStringProperty('none'), message.getBooleanProperty('none')], [null, false]);
  assert.throws(() => message.getLongProperty('none'), MessageFormatException);
  assert.equal(message.getPropertyNames().length, 9);
  message.clearProperties();
  assert.deepEqual([message.getPropertyNames(), message.propertyExists('int')], [[], false]);
});

test("a name that selectors could not read, or that is the provider's, is refused", () => {
  const message = new Message();
  for (const name of ['', 'a-b', 'a b', '1a', 'NULL', 'between']) {
    assert.throws(() => message.setIntProperty(name, 1), MessageFormatException, name);
  }
  for (const name of ['JMSMessageID', 'JMSXDeliveryCount', 'JMS_anything']) {
    assert.throws(() => message.setIntProperty(name, 1), JMSException, name);
  }
  message.setStringProperty('JMSXGroupID', 'g');
  message.setIntProperty('JMSXGroupSeq', 1);
  assert.throws(() => message.setObjectProperty('bytes', new Uint8Array(1)), MessageFormatException);
});
